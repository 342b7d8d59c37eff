import { expect, test } from 'vitest';
import { unicodeGlyphs } from './glyphs.ts';
import { textOf, widthOf } from './line.ts';
import { type Table, type TableLook, viewOf } from './table.ts';

interface Row {
  readonly name: string;
  readonly size: number | undefined;
}

const rows: Row[] = [
  { name: 'beta', size: 9 },
  { name: 'Alpha', size: 10 },
  { name: 'gamma', size: undefined },
];
const table: Table<Row> = {
  rows,
  keyOf: ({ name }) => name,
  empty: 'nothing here',
  columns: [
    { title: 'NAME', cell: ({ name }) => name, giveWay: 0 },
    {
      title: 'SIZE',
      cell: ({ size }) => String(size ?? '-'),
      sortBy: ({ size }) => size,
      isNumber: true,
      giveWay: 1,
    },
    { title: 'NOTE', cell: () => 'something long to say', giveWay: 2 },
  ],
};
const look: TableLook = { sort: '', isDescending: false, filter: '', chosen: 0 };
const view = viewOf(table);

function drawn(given: Partial<TableLook>, columns = 60, height = 10): string[] {
  const size = { columns, rows: height };
  return view
    .lines({ ...look, ...given }, size, unicodeGlyphs)
    .map((line) => textOf(line).trimEnd());
}

test.each([
  ['by its first column', {}, ['Alpha', 'beta', 'gamma']],
  ['by number, not by text', { sort: 'SIZE' }, ['beta', 'Alpha', 'gamma']],
  [
    'with what is unknown last also the other way round',
    { sort: 'SIZE', isDescending: true },
    ['Alpha', 'beta', 'gamma'],
  ],
  ['filtered, whatever the case', { filter: 'ALPHA' }, ['Alpha']],
  ['filtered by any column', { filter: '10' }, ['Alpha']],
  ['without what is not wanted', { filter: '!alpha' }, ['beta', 'gamma']],
])('rows are shown %s', (_, given, keys) => {
  expect(view.keys({ ...look, ...given })).toEqual(keys);
});

test('the sorted column and the chosen row are marked, numbers stand right', () => {
  expect(drawn({ sort: 'SIZE', isDescending: true, chosen: 1 })).toEqual([
    '  NAME   SIZE▼  NOTE',
    '  Alpha     10  something long to say',
    '▶ beta       9  something long to say',
    '  gamma      -  something long to say',
  ]);
});

test('where it is narrow, the least important columns go, and nothing is wider than the terminal', () => {
  expect(drawn({}, 20)[0]).toBe('  NAME▲   SIZE');
  expect(drawn({}, 12)[0]).toBe('  NAME▲');
  for (let columns = 1; columns < 60; columns++) {
    const lines = view.lines(look, { columns, rows: 10 }, unicodeGlyphs).slice(1);
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
  }
});

test('a number is shown whole or not at all, however important it is', () => {
  const size = { ...table.columns[1]!, giveWay: 0 };
  const wide = viewOf({
    ...table,
    columns: [table.columns[0]!, { ...size, cell: () => '123456' }],
  });
  for (let columns = 1; columns < 30; columns++) {
    const [, first] = wide.lines(look, { columns, rows: 10 }, unicodeGlyphs).map(textOf);
    expect(first).toMatch(columns < 15 ? /^[^1]*$/ : /123456/);
  }
});

test('long names lose their middle before columns go, and tell each other apart', () => {
  const names = ['a1b2c3', 'd4e5f6'].map(
    (end) => `odin-fan-out-7c9f8d6b5-${'x'.repeat(20)}-${end}`,
  );
  const long = viewOf({ ...table, rows: names.map((name) => ({ name, size: 7 })) });
  const at = (columns: number) =>
    long.lines(look, { columns, rows: 10 }, unicodeGlyphs).map((line) => textOf(line).trim());
  expect(at(100)[1]).toMatch(/^▶ odin-fan-out-7c9f8d6b5.*…x+-a1b2c3 +7 {2}something long to say$/);
  for (const [columns, row] of [
    [62, /^▶ odin-fan-out\S+…\S+-a1b2c3 +7 {2}something long to say$/],
    [40, /^▶ odin-fan-out…xxxx-a1b2c3 +7$/],
  ] as const) {
    expect(at(columns)[1]).toMatch(row);
    expect(at(columns)[2]).toContain('d4e5f6');
  }
});

test('the chosen row is always to be seen, and what is not is counted', () => {
  const many = viewOf({
    ...table,
    rows: Array.from({ length: 50 }, (_, at) => ({
      name: `n${String(at).padStart(2, '0')}`,
      size: at,
    })),
    leftOut: 7,
  });
  for (const chosen of [0, 25, 49, 99]) {
    const lines = many
      .lines({ ...look, chosen }, { columns: 60, rows: 12 }, unicodeGlyphs)
      .map(textOf);
    expect(lines).toHaveLength(12);
    expect(lines.filter((line) => line.startsWith('▶'))).toHaveLength(1);
    expect(lines.at(-1)).toContain('7 more on the node');
    expect(lines.at(-1)!.includes('above')).toBe(chosen !== 0);
  }
});

test('an empty table says why, and so does a filter that nothing passes', () => {
  expect(drawn({ filter: 'zzz' })[1]).toBe('  no row matches "zzz"');
  const none = viewOf({ ...table, rows: [] });
  expect(textOf(none.lines(look, { columns: 60, rows: 5 }, unicodeGlyphs)[1]!)).toBe(
    '  nothing here',
  );
});

test('details are of all columns, and gone with the row', () => {
  expect(view.details('beta')!.map(textOf)).toEqual([
    '  NAME  beta',
    '  SIZE  9',
    '  NOTE  something long to say',
  ]);
  expect(view.details('delta')).toBeUndefined();
});

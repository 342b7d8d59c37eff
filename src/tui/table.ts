/** Table: rows that are sorted, filtered and walked through, laid out for a width. */
import { shortened } from '../base/terminal-text.ts';
import type { Glyphs } from './glyphs.ts';
import { type Line, padTo, printable, type Span, type Tone } from './line.ts';

/** A column. */
export interface Column<Row> {
  readonly title: string;
  /** Of a row: what is shown. */
  readonly cell: (row: Row) => string;
  /** Of a row: what it is sorted by; the cell's text unless given. Unknown ones come last. */
  readonly sortBy?: (row: Row) => number | string | undefined;
  readonly tone?: (row: Row) => Tone;
  /** Numbers stand right, and are first shown with the largest on top. */
  readonly isNumber?: boolean;
  /** Where there is too little room, columns with a higher one go first; of equal ones the last. */
  readonly giveWay: number;
}

/** Rows of one kind, and how they look. */
export interface Table<Row> {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** What tells a row from all others, however they are sorted. */
  readonly keyOf: (row: Row) => string;
  /** Said where there are no rows. */
  readonly empty: string;
  /** How many more rows there are that nobody sent. */
  readonly leftOut?: number;
}

/** How somebody looks at a table. */
export interface TableLook {
  /** Title of a column; the first one where there is none of that title. */
  readonly sort: string;
  readonly isDescending: boolean;
  /** Rows that contain it, or with `!` in front those that do not; letter case does not matter. */
  readonly filter: string;
  /** Index of a row, among those that are shown. */
  readonly chosen: number;
  /** Key of the row that somebody went to; the mark follows it, wherever it moves. */
  readonly chosenKey?: string | undefined;
}

/** Index of the marked row among the rows with these keys; below 0 where none is. */
export function chosenAt({ chosen, chosenKey }: TableLook, keys: readonly string[]): number {
  const at = chosenKey === undefined ? -1 : keys.indexOf(chosenKey);
  return at >= 0 ? at : Math.min(chosen, keys.length - 1);
}

const gap = '  ';
/** A cell is shown up to this many characters; the row's details have it whole. */
const maxCell = 44;
/** Where there is too little room, texts keep this many before columns go, and after the others went. */
const narrowCells = { before: 24, after: 10 } as const;

/** The rows that a look shows, in its order. */
function shownRows<Row>({ columns, rows }: Table<Row>, look: TableLook): Row[] {
  const isOut = look.filter.startsWith('!');
  const wanted = (isOut ? look.filter.slice(1) : look.filter).toLowerCase();
  const isShown = (row: Row) => {
    const has = columns.some(({ cell }) => cell(row).toLowerCase().includes(wanted));
    return wanted === '' || has !== isOut;
  };
  const column = columns.find(({ title }) => title === look.sort) ?? columns[0];
  if (column === undefined) return rows.filter(isShown);
  const sortedBy = column.sortBy ?? column.cell;
  const direction = look.isDescending ? -1 : 1;
  return rows.filter(isShown).toSorted((a, b) => {
    const [one, other] = [sortedBy(a), sortedBy(b)];
    if (one === undefined || other === undefined) {
      return Number(one === undefined) - Number(other === undefined);
    }
    if (typeof one === 'number' && typeof other === 'number') return direction * (one - other);
    const [text, otherText] = [String(one), String(other)];
    return direction * (text < otherText ? -1 : text > otherText ? 1 : 0);
  });
}

/** Header and rows for `size`; scrolled so that the chosen row is to be seen. */
function tableLines<Row>(
  table: Table<Row>,
  look: TableLook,
  size: { readonly columns: number; readonly rows: number },
  glyphs: Glyphs,
): Line[] {
  const rows = shownRows(table, look);
  const shown = fitting(table.columns, rows, size.columns - 2);
  const head = headLine(table.columns, shown, look, glyphs);
  if (rows.length === 0) {
    const text = table.rows.length === 0 ? table.empty : `no row matches "${look.filter}"`;
    return [head, [{ text: `  ${text}`, tone: 'dim' }]];
  }
  const more = table.leftOut ?? 0;
  const room = Math.max(1, size.rows - 1 - (more > 0 || rows.length > size.rows - 1 ? 1 : 0));
  const chosen = chosenAt(look, rows.map(table.keyOf));
  const first = Math.max(0, Math.min(chosen - Math.floor(room / 2), rows.length - room));
  const lines = rows.slice(first, first + room).map((row, at) => {
    const isChosen = first + at === chosen;
    const spans = rowSpans(row, shown, glyphs.ellipsis);
    const mark: Span = { text: isChosen ? `${glyphs.chosen} ` : '  ', tone: 'accent' };
    const line = padTo([mark, ...spans], size.columns, glyphs.ellipsis);
    return isChosen ? line.map(({ text }): Span => ({ text, tone: 'chosen' })) : line;
  });
  const rest = rows.length - first - lines.length;
  const hidden = [
    first > 0 ? `${first} above` : '',
    rest > 0 ? `${rest} below` : '',
    more > 0 ? `${more} more on the node` : '',
  ].filter(Boolean);
  const foot: Line[] =
    hidden.length === 0 ? [] : [[{ text: `  ${hidden.join(', ')}`, tone: 'dim' }]];
  return [head, ...lines, ...foot];
}

/** All that is known of a row, one column below the other. */
function rowLines<Row>({ columns }: Table<Row>, row: Row): Line[] {
  const width = Math.max(...columns.map(({ title }) => title.length));
  return columns.map(
    ({ title, cell, tone }): Line => [
      { text: `  ${title.padEnd(width)}  `, tone: 'dim' },
      { text: printable(cell(row)), tone: tone?.(row) ?? 'plain' },
    ],
  );
}

interface Fitted<Row> {
  readonly column: Column<Row>;
  readonly width: number;
}

/** The columns that there is room for, each as wide as what it holds. */
function fitting<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  room: number,
): Fitted<Row>[] {
  let fitted = columns.map((column) => {
    const longest = rows.reduce((most, row) => Math.max(most, column.cell(row).length), 0);
    // The mark of the sorted column stands behind its title.
    const width = Math.max(column.title.length + 1, Math.min(longest, maxCell));
    return { column, width };
  });
  const used = () => fitted.reduce((sum, { width }) => sum + width + gap.length, -gap.length);
  const narrow = (least: number) => {
    for (const [at, { column, width }] of fitted.entries()) {
      const needed = Math.max(least, column.title.length + 1, width - Math.max(0, used() - room));
      if (column.isNumber !== true && needed < width) fitted[at] = { column, width: needed };
    }
  };
  narrow(narrowCells.before);
  while (used() > room) {
    // Half a number would be read as another one; of the first column a part is better than nothing.
    if (fitted.length === 1) break;
    if (fitted.every(({ column }, at) => at === 0 || column.giveWay === 0)) {
      narrow(narrowCells.after);
      if (used() <= room) break;
    }
    const most = Math.max(...fitted.slice(1).map(({ column }) => column.giveWay));
    const last = fitted.findLastIndex(({ column }, at) => at > 0 && column.giveWay === most);
    fitted = fitted.toSpliced(last, 1);
  }
  return fitted;
}

function headLine<Row>(
  columns: readonly Column<Row>[],
  shown: readonly Fitted<Row>[],
  { sort, isDescending }: TableLook,
  { ascending, descending }: Glyphs,
): Line {
  const sorted = columns.some(({ title }) => title === sort) ? sort : columns[0]?.title;
  const spans = shown.flatMap(({ column, width }, at): Span[] => {
    const mark = column.title !== sorted ? '' : isDescending ? descending : ascending;
    const text = aligned(column.title + mark, column, width);
    return [
      { text: at === 0 ? '' : gap },
      { text, tone: column.title === sorted ? 'accent' : 'dim' },
    ];
  });
  return [{ text: '  ' }, ...spans];
}

function rowSpans<Row>(row: Row, shown: readonly Fitted<Row>[], ellipsis: string): Span[] {
  return shown.flatMap(({ column, width }, at): Span[] => {
    const text = aligned(shortened(printable(column.cell(row)), width, ellipsis), column, width);
    return [{ text: at === 0 ? '' : gap }, { text, tone: column.tone?.(row) ?? 'plain' }];
  });
}

function aligned<Row>(text: string, { isNumber }: Column<Row>, width: number): string {
  return isNumber === true ? text.padStart(width) : text.padEnd(width);
}

/** A table of whatever rows, as screens use it. */
export interface TableView {
  readonly columns: readonly Pick<Column<never>, 'title' | 'isNumber'>[];
  /** Keys of the rows that a look shows. */
  readonly keys: (look: TableLook) => readonly string[];
  readonly lines: (
    look: TableLook,
    size: { readonly columns: number; readonly rows: number },
    glyphs: Glyphs,
  ) => Line[];
  /** Everything about one row; undefined when it is not there (any more). */
  readonly details: (key: string) => Line[] | undefined;
}

/** Forgets what the rows are. */
export function viewOf<Row>(table: Table<Row>): TableView {
  return {
    columns: table.columns,
    keys: (look) => shownRows(table, look).map(table.keyOf),
    lines: (look, size, glyphs) => tableLines(table, look, size, glyphs),
    details(key) {
      const row = table.rows.find((other) => table.keyOf(other) === key);
      return row === undefined ? undefined : rowLines(table, row);
    },
  };
}

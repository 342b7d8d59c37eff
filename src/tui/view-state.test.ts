import fc from 'fast-check';
import { expect, test } from 'vitest';
import { helpRows, tabs } from './keymap.ts';
import { initialState, press, type Step, type ViewContext } from './view-state.ts';

const context: ViewContext = {
  rowKeys: ['a', 'b', 'c', 'd'],
  columns: [{ title: 'NAME' }, { title: 'SIZE', isNumber: true }],
  isReplay: false,
  hasPublisher: true,
  page: 2,
};
const begin = initialState('channels', { channels: 'SIZE' });

/** What keys come to, one after the other. */
function pressed(keys: readonly string[], given: Partial<ViewContext> = {}, from = begin): Step {
  return keys.reduce<Step>(({ state }, key) => press(state, key, { ...context, ...given }), {
    state: from,
  });
}

const chosenAfter = (...keys: string[]) => {
  const { state } = pressed(keys);
  return state.looks[state.tab].chosen;
};

test('rows are walked through, and nobody leaves them', () => {
  expect(chosenAfter('down', 'j')).toBe(2);
  expect(chosenAfter('up')).toBe(0);
  expect(chosenAfter('end')).toBe(3);
  expect(chosenAfter('end', 'down', 'pagedown')).toBe(3);
  expect(chosenAfter('end', 'pageup')).toBe(1);
  expect(chosenAfter('end', 'home')).toBe(0);
  const { state } = pressed(['end']);
  expect(press(state, 'up', { ...context, rowKeys: ['a', 'b'] }).state.looks.channels.chosen).toBe(
    0,
  );
});

test('the mark follows its row, comes back with it, and stays on top where nobody moved it', () => {
  const opens = (from: Step, rowKeys: readonly string[]) =>
    press(from.state, 'enter', { ...context, rowKeys }).state.row;
  const onB = pressed(['down']);
  expect(opens(onB, ['d', 'c', 'b', 'a'])).toBe('b');
  expect(opens(onB, ['d', 'c', 'a'])).toBe('c');
  expect(opens(onB, ['b'])).toBe('b');
  expect(opens(pressed(['down', 'up']), ['d', 'c', 'b', 'a'])).toBe('a');
  for (const keys of [[], ['down', 'home'], ['down', '/', 'x', 'enter'], ['down', 's']])
    expect(opens(pressed(keys), ['d', 'c', 'b', 'a'])).toBe('d');
});

test('tabs are reached by number and in turn', () => {
  expect(pressed(['2']).state.tab).toBe('shards');
  expect(pressed(['tab']).state.tab).toBe('clients');
  expect(pressed(['1', 'shift-tab']).state.tab).toBe('hosts');
  expect(pressed(Array(tabs.length).fill('tab')).state.tab).toBe('channels');
});

test('Enter goes into a row, of the overview into a node; Esc goes back step by step', () => {
  const inNode = pressed(['1', 'down', 'enter']).state;
  expect(inNode).toMatchObject({ tab: 'overview', node: 'b', row: undefined });
  const inRow = pressed(['3', '/', 'x', 'enter', 'enter'], {}, inNode).state;
  expect(inRow).toMatchObject({ node: 'b', row: 'a' });
  const back = pressed(['esc'], {}, inRow).state;
  expect([back.row, back.looks.channels.filter]).toEqual([undefined, 'x']);
  const further = pressed(['esc'], {}, back).state;
  expect([further.node, further.looks.channels.filter]).toEqual(['b', '']);
  expect(pressed(['esc'], {}, further).state.node).toBeUndefined();
});

test('a filter works with each letter, and takes letters that are keys elsewhere', () => {
  const typing = pressed(['/', 'q', '1', '?', 'backspace']).state;
  expect(typing.looks.channels.filter).toBe('q1');
  expect(pressed(['enter'], {}, typing).state).toMatchObject({
    prompt: undefined,
    looks: { channels: { filter: 'q1' }, clients: { filter: '' } },
  });
  expect(pressed(['esc'], {}, typing).state.looks.channels.filter).toBe('');
  expect(pressed(['ctrl-c'], {}, typing).effect).toEqual({ kind: 'quit' });
});

test('sorting goes through the columns, numbers with the largest first, and turns round', () => {
  expect(pressed(['s']).state.looks.channels).toMatchObject({ sort: 'NAME', isDescending: false });
  expect(pressed(['s', 's']).state.looks.channels).toMatchObject({
    sort: 'SIZE',
    isDescending: true,
  });
  expect(pressed(['<']).state.looks.channels.sort).toBe('NAME');
  expect(pressed(['S']).state.looks.channels.isDescending).toBe(false);
  expect(pressed(['s'], { columns: [] }).state.looks.channels.sort).toBe('SIZE');
});

test('a publisher is stopped only after a yes, and gets only a rate that is one', () => {
  expect(pressed(['6', 'x']).effect).toBeUndefined();
  expect(pressed(['6', 'x', 'n']).effect).toBeUndefined();
  expect(pressed(['6', 'x', 'y']).effect).toEqual({ kind: 'publisher', action: 'stop' });
  expect(pressed(['6', 'b', 'enter']).effect).toEqual({ kind: 'publisher', action: 'start' });
  expect(pressed(['6', 'e', ...'250.5', 'enter']).effect).toEqual({
    ...{ kind: 'publisher', action: 'rate', rate: 250.5 },
  });
  for (const wrong of ['', 'many', '0', '50001', '1e9']) {
    const { state, effect } = pressed(['6', 'e', ...wrong, 'enter']);
    expect(effect).toBeUndefined();
    expect(state.message).toContain('is no rate');
  }
  expect(pressed(['x', 'y']).state).toBe(begin);
  expect(pressed(['6', 'x', 'y'], { hasPublisher: false }).effect).toBeUndefined();
});

test('a recording is gone through, and cannot be held, nor a publisher steered from it', () => {
  const replay = { isReplay: true };
  expect(pressed(['right'], replay).effect).toEqual({ kind: 'seek', looks: 1 });
  expect(pressed(['{'], replay).effect).toEqual({ kind: 'seek', looks: -60 });
  expect(pressed(['('], replay).effect).toEqual({ kind: 'seek', looks: -Infinity });
  expect(pressed([' '], replay).effect).toEqual({ kind: 'play' });
  expect(pressed(['6', 'x', 'y'], replay).effect).toBeUndefined();
  expect(pressed(['right']).effect).toBeUndefined();
  expect(pressed([' ']).state.isPaused).toBe(true);
});

test('the help is of the keys that work, and any key but q leaves it', () => {
  const shownFor = (isReplay: boolean, tab: 'publisher' | 'hosts') =>
    helpRows({ tab, isReplay, hasPublisher: true })
      .map(([, help]) => help)
      .join('\n');
  expect(shownFor(false, 'publisher')).toContain('publisher: stop');
  expect(shownFor(false, 'hosts')).not.toContain('publisher');
  expect(shownFor(true, 'publisher')).not.toContain('publisher: stop');
  expect(shownFor(true, 'hosts')).toContain('play the recording');
  expect(pressed(['?', 'x']).state).toMatchObject({ isHelp: false, tab: 'channels' });
  expect(pressed(['?', 'q']).effect).toEqual({ kind: 'quit' });
});

test('no sequence of keys leads anywhere that is not', () => {
  const key = fc.constantFrom(
    ...['up', 'down', 'pageup', 'pagedown', 'home', 'end', 'enter', 'esc', 'tab', 'shift-tab', '/'],
    ...[
      's',
      'S',
      '<',
      '>',
      'p',
      ' ',
      'b',
      'x',
      'e',
      'y',
      '?',
      'backspace',
      '1',
      '3',
      '6',
      'left',
      ')',
    ],
  );
  const rowKeys = fc.array(fc.string(), { maxLength: 5 });
  fc.assert(
    fc.property(fc.array(fc.tuple(key, rowKeys)), fc.boolean(), (steps, isReplay) => {
      let state = begin;
      for (const [name, keys] of steps) {
        state = press(state, name, { ...context, rowKeys: keys, isReplay }).state;
        expect(tabs).toContain(state.tab);
        expect(state.looks[state.tab].chosen).toBeGreaterThanOrEqual(0);
        expect(state.prompt?.text.length ?? 0).toBeLessThanOrEqual(40);
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});

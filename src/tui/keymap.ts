/** Keymap: what keys do; the help is made from it. */

/** Screens, in the order of their numbers. */
export const tabs = [
  'overview',
  'shards',
  'channels',
  'clients',
  'broker',
  'publisher',
  'load',
  'hosts',
] as const;

/** One of {@link tabs}. */
export type TabName = (typeof tabs)[number];

/** Whether a text names a tab. */
export function isTab(text: string): text is TabName {
  return tabs.some((tab) => tab === text);
}

/** Everything that a key can do. */
export type KeyAction =
  | 'quit'
  | 'help'
  | 'tab'
  | 'next'
  | 'previous'
  | 'up'
  | 'down'
  | 'pageUp'
  | 'pageDown'
  | 'first'
  | 'last'
  | 'open'
  | 'back'
  | 'filter'
  | 'sort'
  | 'reverse'
  | 'pause'
  | 'refresh'
  | 'start'
  | 'stop'
  | 'rate'
  | 'play'
  | 'seek';

interface Binding {
  readonly keys: readonly string[];
  /** As the help names them. */
  readonly shown: string;
  readonly action: KeyAction;
  readonly help: string;
  /** Everywhere and always unless given. */
  readonly when?: 'live' | 'replay' | 'publisher';
}

/** When a key is pressed. */
export interface KeyContext {
  readonly tab: TabName;
  readonly isReplay: boolean;
  readonly hasPublisher: boolean;
}

const bindings: readonly Binding[] = [
  { keys: ['q', 'ctrl-c'], shown: 'q, Ctrl-C', action: 'quit', help: 'leave' },
  { keys: ['?', 'h'], shown: '?', action: 'help', help: 'this help' },
  {
    keys: tabs.map((_, at) => String(at + 1)),
    shown: `1-${tabs.length}`,
    action: 'tab',
    help: 'go to a tab',
  },
  { keys: ['tab'], shown: 'Tab', action: 'next', help: 'the next tab, with Shift the one before' },
  { keys: ['shift-tab'], shown: '', action: 'previous', help: '' },
  { keys: ['down', 'j'], shown: 'up down, k j', action: 'down', help: 'choose a row' },
  { keys: ['up', 'k'], shown: '', action: 'up', help: '' },
  { keys: ['pagedown', 'ctrl-d'], shown: 'PgUp PgDn', action: 'pageDown', help: 'a page of rows' },
  { keys: ['pageup', 'ctrl-u'], shown: '', action: 'pageUp', help: '' },
  { keys: ['home'], shown: 'Home End', action: 'first', help: 'the first row, the last row' },
  { keys: ['end', 'G'], shown: '', action: 'last', help: '' },
  {
    keys: ['enter'],
    shown: 'Enter',
    action: 'open',
    help: 'everything about the row; of a node: only that node',
  },
  { keys: ['esc', 'backspace'], shown: 'Esc', action: 'back', help: 'back, and out of a filter' },
  { keys: ['/'], shown: '/', action: 'filter', help: 'show rows with a text; !text those without' },
  {
    keys: ['s', '>', '<'],
    shown: 's, < >',
    action: 'sort',
    help: 'sort by the next column, the one before',
  },
  { keys: ['S'], shown: 'S', action: 'reverse', help: 'sort the other way round' },
  {
    keys: ['p', ' '],
    shown: 'p, Space',
    action: 'pause',
    help: 'hold what is shown, and go on',
    when: 'live',
  },
  { keys: ['r', 'ctrl-r'], shown: 'r', action: 'refresh', help: 'look now', when: 'live' },
  // As Ctrl-Z, it is a key of the session.
  { keys: [], shown: 'Ctrl-L', action: 'refresh', help: 'draw the screen anew' },
  {
    keys: ['b'],
    shown: 'b',
    action: 'start',
    help: 'publisher: begin to publish',
    when: 'publisher',
  },
  {
    keys: ['x'],
    shown: 'x',
    action: 'stop',
    help: 'publisher: stop publishing',
    when: 'publisher',
  },
  {
    keys: ['e'],
    shown: 'e',
    action: 'rate',
    help: 'publisher: set events per second',
    when: 'publisher',
  },
  {
    keys: ['p', ' '],
    shown: 'p, Space',
    action: 'play',
    help: 'play the recording, and hold it',
    when: 'replay',
  },
  {
    keys: ['left', 'right', '[', ']', '{', '}', '(', ')'],
    shown: 'left right',
    action: 'seek',
    help: 'a look back or forward; [ ] ten; { } sixty; ( ) to the ends',
    when: 'replay',
  },
];

/** What a key does now; undefined for nothing. */
export function actionOf(key: string, context: KeyContext): KeyAction | undefined {
  return bindings.find((binding) => binding.keys.includes(key) && holds(binding, context))?.action;
}

/** The keys that work now, and what they do. */
export function helpRows(context: KeyContext): readonly (readonly [keys: string, help: string])[] {
  return bindings
    .filter((binding) => binding.shown !== '' && holds(binding, context))
    .map(({ shown, help }) => [shown, help]);
}

function holds({ when }: Binding, { tab, isReplay, hasPublisher }: KeyContext): boolean {
  if (when === undefined) return true;
  if (when === 'replay') return isReplay;
  if (isReplay) return false;
  return when === 'live' || (tab === 'publisher' && hasPublisher);
}

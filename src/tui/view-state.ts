/** ViewState: where somebody is in `odin top`, and what a key does to that. */
import { actionOf, type KeyAction, type TabName, tabs } from './keymap.ts';
import { chosenAt, type TableLook } from './table.ts';

/** What is typed, and what for. */
export interface Prompt {
  readonly kind: 'filter' | 'rate' | 'start' | 'stop';
  readonly text: string;
}

/** All of it; nothing else remembers anything. */
export interface ViewState {
  readonly tab: TabName;
  /** Each tab has a look of its own. */
  readonly looks: Readonly<Record<TabName, TableLook>>;
  /** URL of the node that everything is about; undefined for all. */
  readonly node: string | undefined;
  /** Key of the row whose details are shown. */
  readonly row: string | undefined;
  readonly prompt: Prompt | undefined;
  readonly isHelp: boolean;
  readonly isPaused: boolean;
  /** What became of the last action. */
  readonly message: string;
}

/** What keys mean depends on what is there. */
export interface ViewContext {
  /** Keys of the rows that are shown, in their order. */
  readonly rowKeys: readonly string[];
  readonly columns: readonly { readonly title: string; readonly isNumber?: boolean }[];
  readonly isReplay: boolean;
  readonly hasPublisher: boolean;
  /** Rows on a page. */
  readonly page: number;
}

/** What is to be done outside the view. */
export type Effect =
  | { readonly kind: 'quit' }
  | { readonly kind: 'refresh' }
  | { readonly kind: 'publisher'; readonly action: 'start' | 'stop' }
  | { readonly kind: 'publisher'; readonly action: 'rate'; readonly rate: number }
  /** In a recording: looks forward, or back. */
  | { readonly kind: 'seek'; readonly looks: number }
  | { readonly kind: 'play' };

/** A state and perhaps something to do. */
export interface Step {
  readonly state: ViewState;
  readonly effect?: Effect;
}

/** The mark on the first row, whichever that is. */
const unmarked = { chosen: 0, chosenKey: undefined } as const;

/** At the start; `sorts` are columns that tabs are sorted by, falling. */
export function initialState(
  tab: TabName,
  sorts: Readonly<Partial<Record<TabName, string>>>,
): ViewState {
  const lookOf = (name: TabName): TableLook => ({
    sort: sorts[name] ?? '',
    isDescending: sorts[name] !== undefined,
    filter: '',
    ...unmarked,
  });
  return {
    tab,
    looks: Object.fromEntries(tabs.map((name) => [name, lookOf(name)])) as ViewState['looks'],
    ...{ node: undefined, row: undefined, prompt: undefined },
    ...{ isHelp: false, isPaused: false, message: '' },
  };
}

/** The state after a key; keys have names such as `up`, `enter`, `ctrl-d`, or are a character. */
export function press(before: ViewState, key: string, context: ViewContext): Step {
  const state = { ...before, message: '' };
  if (state.prompt !== undefined) return typed(state, state.prompt, key);
  const action = actionOf(key, { ...context, tab: state.tab });
  if (state.isHelp && action !== 'quit') return { state: { ...state, isHelp: false } };
  return action === undefined ? { state: before } : act(state, action, key, context);
}

function act(state: ViewState, action: KeyAction, key: string, context: ViewContext): Step {
  const look = state.looks[state.tab];
  const move = (chosen: number): Step => {
    const last = Math.max(0, context.rowKeys.length - 1);
    const next = Math.max(0, Math.min(chosen, last));
    return { state: withLook(state, { chosen: next, chosenKey: context.rowKeys[next] }) };
  };
  const at = chosenAt(look, context.rowKeys);
  switch (action) {
    case 'quit':
    case 'refresh':
    case 'play':
      return { state, effect: { kind: action } };
    case 'help':
      return { state: { ...state, isHelp: true } };
    case 'pause':
      return { state: { ...state, isPaused: !state.isPaused } };
    case 'tab':
      return { state: to(state, tabs[Number(key) - 1] ?? state.tab) };
    case 'next':
    case 'previous': {
      const step = action === 'next' ? 1 : tabs.length - 1;
      return { state: to(state, tabs[(tabs.indexOf(state.tab) + step) % tabs.length]!) };
    }
    case 'up':
      return move(at - 1);
    case 'down':
      return move(at + 1);
    case 'pageUp':
      return move(at - context.page);
    case 'pageDown':
      return move(at + context.page);
    case 'first':
      // Whichever that is: it stays on top.
      return { state: withLook(state, unmarked) };
    case 'last':
      return move(context.rowKeys.length - 1);
    case 'open':
      return { state: opened(state, context.rowKeys[at]) };
    case 'back':
      return { state: back(state) };
    case 'filter':
      return { state: { ...state, prompt: { kind: 'filter', text: look.filter } } };
    case 'sort':
    case 'reverse':
      return { state: sorted(state, action, key, context.columns) };
    case 'start':
    case 'stop':
    case 'rate':
      return { state: { ...state, prompt: { kind: action, text: '' } } };
    case 'seek':
      return { state, effect: { kind: 'seek', looks: seekOf(key) } };
    default:
      return action satisfies never;
  }
}

/** Keys while something is typed. A filter works with each letter. */
function typed(state: ViewState, prompt: Prompt, key: string): Step {
  const { kind, text } = prompt;
  const done = { ...state, prompt: undefined };
  if (key === 'ctrl-c') return { state: done, effect: { kind: 'quit' } };
  if (key === 'esc')
    return { state: kind === 'filter' ? withLook(done, { filter: '', ...unmarked }) : done };
  if (kind === 'start' || kind === 'stop') {
    return key === 'y' || key === 'enter'
      ? { state: done, effect: { kind: 'publisher', action: kind } }
      : { state: done };
  }
  if (key === 'enter') return kind === 'filter' ? { state: done } : rated(done, text);
  const next =
    key === 'backspace'
      ? text.slice(0, -1)
      : key.length === 1 && text.length < 40
        ? text + key
        : text;
  const typing = { ...state, prompt: { kind, text: next } };
  return { state: kind === 'filter' ? withLook(typing, { filter: next, ...unmarked }) : typing };
}

function rated(state: ViewState, text: string): Step {
  const rate = Number(text);
  if (text.trim() === '' || !(rate >= 0.1 && rate <= 50_000))
    return {
      state: { ...state, message: `"${text}" is no rate: expected 0.1 to 50000 events per second` },
    };
  return { state, effect: { kind: 'publisher', action: 'rate', rate } };
}

function to(state: ViewState, tab: TabName): ViewState {
  return { ...state, tab, row: undefined };
}

function opened(state: ViewState, key: string | undefined): ViewState {
  if (key === undefined) return state;
  return state.tab === 'overview' ? { ...state, node: key } : { ...state, row: key };
}

/** One step towards where everything began. */
function back(state: ViewState): ViewState {
  if (state.row !== undefined) return { ...state, row: undefined };
  if (state.looks[state.tab].filter !== '') return withLook(state, { filter: '', ...unmarked });
  return { ...state, node: undefined };
}

function sorted(
  state: ViewState,
  action: 'sort' | 'reverse',
  key: string,
  columns: ViewContext['columns'],
): ViewState {
  const { sort, isDescending } = state.looks[state.tab];
  if (action === 'reverse') return withLook(state, { isDescending: !isDescending });
  const at = Math.max(
    0,
    columns.findIndex(({ title }) => title === sort),
  );
  const next = columns[(at + (key === '<' ? columns.length - 1 : 1)) % columns.length];
  if (next === undefined) return state;
  const { title, isNumber = false } = next;
  return withLook(state, { sort: title, isDescending: isNumber, ...unmarked });
}

function withLook(state: ViewState, change: Partial<TableLook>): ViewState {
  const look = { ...state.looks[state.tab], ...change };
  return { ...state, looks: { ...state.looks, [state.tab]: look } };
}

const seeks: Readonly<Record<string, number>> = {
  left: -1,
  right: 1,
  '[': -10,
  ']': 10,
  '{': -60,
  '}': 60,
  '(': Number.NEGATIVE_INFINITY,
  ')': Number.POSITIVE_INFINITY,
};

function seekOf(key: string): number {
  return seeks[key] ?? 0;
}

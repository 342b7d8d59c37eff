/** The screen: header, tabs, body and footer as lines that fill a terminal. */
import { formatClock } from '../figures-text.ts';
import type { FleetFigures, NodeFigures } from '../fleet-figures.ts';
import type { Glyphs } from '../glyphs.ts';
import { helpRows, type TabName, tabs } from '../keymap.ts';
import { type Line, line, padTo, printable, type Span, spread } from '../line.ts';
import { chosenAt, type TableView } from '../table.ts';
import type { ViewContext, ViewState } from '../view-state.ts';
import { loadSummary } from './load-panel.ts';
import { nodeLines } from './node-panel.ts';
import { nameOf } from './node-words.ts';
import { complaintLines, totalLine } from './overview.ts';
import { publisherLines } from './publisher-panel.ts';
import { tableOf } from './tables.ts';

/** Where a recording is. */
export interface ReplayPlace {
  /** From 1. */
  readonly at: number;
  readonly count: number;
  readonly isPlaying: boolean;
}

/** What a screen shows, and where. */
export interface ScreenInput {
  /** Undefined before the first look. */
  readonly figures: FleetFigures | undefined;
  readonly replay: ReplayPlace | undefined;
  readonly isRecording: boolean;
  readonly state: ViewState;
  readonly size: { readonly columns: number; readonly rows: number };
  readonly glyphs: Glyphs;
}

/** Smaller terminals are told so. */
const least = { columns: 40, rows: 10 };

/** Exactly as many lines as the terminal has rows, none wider than it is. */
export function screenLines(input: ScreenInput): Line[] {
  const { size, glyphs, state } = input;
  const { columns, rows } = size;
  if (columns < least.columns || rows < least.rows) {
    const text = `too small: ${columns}x${rows}, needs ${least.columns}x${least.rows}`;
    return filled([line(text, 'warn')], size, glyphs);
  }
  const head = [headerLine(input), tabLine(state.tab, columns, glyphs)];
  const room = { columns, rows: rows - head.length - 1 };
  const body = state.isHelp ? helpLines(input, room) : bodyLines(input, room);
  const lines = [...head, ...filled(body, room, glyphs), footerLine(input)];
  return filled(lines, size, glyphs);
}

/** What keys find on the screen. */
export function contextOf({ figures, replay, state, size }: ScreenInput): ViewContext {
  const table = figures && tableOf(state.tab, figures, focusOn(figures, state));
  return {
    rowKeys: table?.keys(state.looks[state.tab]) ?? [],
    columns: table?.columns ?? [],
    isReplay: replay !== undefined,
    hasPublisher: figures?.publisher?.report !== undefined,
    page: Math.max(1, size.rows - 5),
  };
}

/** The nodes that somebody wants to see. */
function focusOn(figures: FleetFigures, { node }: ViewState): readonly NodeFigures[] {
  const found = figures.nodes.filter(({ url }) => url === node);
  return found.length > 0 ? found : figures.nodes;
}

function filled(
  lines: readonly Line[],
  { columns, rows }: ScreenInput['size'],
  glyphs: Glyphs,
): Line[] {
  const cut = lines.slice(0, rows);
  const missing = Math.max(0, rows - cut.length);
  return [...cut, ...new Array<Line>(missing).fill([])].map((row) =>
    trimmed(padTo(row, columns, glyphs.ellipsis)),
  );
}

/** Without spaces at the end, unless they are marked. */
function trimmed(row: Line): Line {
  const last = row.at(-1);
  if (last === undefined || (last.tone ?? 'plain') === 'chosen') return row;
  const text = last.text.trimEnd();
  return text === '' ? trimmed(row.slice(0, -1)) : [...row.slice(0, -1), { ...last, text }];
}

function headerLine({ figures, replay, isRecording, state, size, glyphs }: ScreenInput): Line {
  const nodes = figures?.nodes ?? [];
  const focus =
    nodes.find(({ url }) => url === state.node) ?? (nodes.length === 1 ? nodes[0] : undefined);
  const whose =
    focus === undefined
      ? `${nodes.length} nodes`
      : `${nameOf(focus)} ${glyphs.separator} ${printable(focus.url)}`;
  const left: Span[] = [{ text: ' odin top ', tone: 'strong' }, { text: ` ${whose}` }];
  const marks = [
    state.isPaused ? 'HELD' : '',
    isRecording ? 'recording' : '',
    replay === undefined
      ? ''
      : `${replay.isPlaying ? 'playing' : 'held'} ${replay.at}/${replay.count}`,
  ].filter(Boolean);
  const right: Span[] = [
    { text: marks.join(' '), tone: 'warn' },
    { text: ` ${figures === undefined ? '' : formatClock(figures.timeMs)} ` },
  ];
  return spread(left, right, size.columns, glyphs.ellipsis);
}

function tabLine(current: TabName, columns: number, glyphs: Glyphs): Line {
  const isWide = columns > tabs.reduce((sum, { length }) => sum + length + 3, 0);
  const spans = tabs.map((tab, at): Span => {
    const name = isWide || tab === current ? `${at + 1} ${tab}` : `${at + 1}`;
    // Without colours the brackets show which one it is.
    return tab === current
      ? { text: `[${name}]`, tone: 'chosen' }
      : { text: ` ${name}`, tone: 'dim' };
  });
  return padTo(spans, columns, glyphs.ellipsis);
}

function bodyLines(input: ScreenInput, room: ScreenInput['size']): Line[] {
  const { figures, state, glyphs } = input;
  if (figures === undefined) return [[], line('  looking …'.replace('…', glyphs.ellipsis), 'dim')];
  const nodes = focusOn(figures, state);
  const table = tableOf(state.tab, figures, nodes);
  const details = state.row === undefined ? undefined : table?.details(state.row);
  if (details !== undefined) return [[], ...details, [], line('  Esc: back', 'dim')];
  switch (state.tab) {
    case 'overview':
      return overviewLines(figures, nodes, table, input, room);
    case 'publisher':
      return publisherLines(figures.publisher, room.columns, glyphs);
    case 'load':
      return loadLines(figures, table, input, room);
    default: {
      const gone = nodes.filter(({ sight }) => sight.state !== 'up');
      const away = complaintLines(gone, figures.timeMs, glyphs, nodes.length > 1);
      return [...withTable(table, input, { ...room, rows: room.rows - away.length }), ...away];
    }
  }
}

function withTable(
  table: TableView | undefined,
  { state, glyphs }: ScreenInput,
  room: ScreenInput['size'],
): Line[] {
  return table?.lines(state.looks[state.tab], room, glyphs) ?? [];
}

function overviewLines(
  figures: FleetFigures,
  nodes: readonly NodeFigures[],
  table: TableView | undefined,
  input: ScreenInput,
  room: ScreenInput['size'],
): Line[] {
  const complaints = complaintLines(nodes, figures.timeMs, input.glyphs);
  if (table === undefined) {
    const panel = nodes.flatMap((node) => nodeLines(node, room.columns, input.glyphs));
    // What is wrong must be seen; the last facts of the panel give way to it.
    return [...complaints, ...panel];
  }
  const shown = complaints.slice(0, Math.max(1, Math.floor(room.rows / 3)));
  const tableRows = Math.min(nodes.length + 2, room.rows - 2 - shown.length);
  const lines = [
    totalLine(nodes),
    ...withTable(table, input, { ...room, rows: tableRows }),
    [],
    ...shown,
  ];
  const chosen = chosenNode(nodes, table, input.state);
  const rest = room.rows - lines.length;
  if (chosen === undefined || rest < 4) return lines;
  const panel = nodeLines(chosen, room.columns, input.glyphs).slice(0, rest - 2);
  return [...lines, [], line(` ${nameOf(chosen)}`, 'accent'), ...panel];
}

/** There is room for more about one of them. */
function chosenNode(
  nodes: readonly NodeFigures[],
  table: TableView,
  { looks, tab }: ViewState,
): NodeFigures | undefined {
  const keys = table.keys(looks[tab]);
  const key = keys[chosenAt(looks[tab], keys)];
  return nodes.find(({ url }) => url === key);
}

function loadLines(
  { loadtest }: FleetFigures,
  table: TableView | undefined,
  input: ScreenInput,
  room: ScreenInput['size'],
): Line[] {
  const head = loadSummary(loadtest, room.columns, input.glyphs);
  const rows = room.rows - head.length - 1;
  return rows < 3 ? head : [...head, [], ...withTable(table, input, { ...room, rows })];
}

function helpLines(input: ScreenInput, { rows: room }: ScreenInput['size']): Line[] {
  const rows = helpRows({ ...contextOf(input), tab: input.state.tab });
  const width = Math.max(...rows.map(([keys]) => keys.length));
  const lines = rows.map(
    ([keys, help]): Line => [{ text: `  ${keys.padEnd(width)}  `, tone: 'accent' }, { text: help }],
  );
  if (lines.length <= room) return lines;
  const hidden = lines.length - room + 1;
  return [...lines.slice(0, room - 1), line(`  ${hidden} more in a higher terminal`, 'dim')];
}

const questions = { start: 'begin to publish?', stop: 'stop publishing?' } as const;

function footerLine({ state, replay, figures }: ScreenInput): Line {
  const { prompt, message, looks, tab, isHelp } = state;
  if (prompt !== undefined) {
    const { kind, text } = prompt;
    if (kind === 'start' || kind === 'stop') {
      const where = printable(figures?.publisher?.sight.url ?? '');
      return [{ text: ` ${where}: ${questions[kind]} y / n `, tone: 'warn' }];
    }
    const label = kind === 'filter' ? 'filter' : 'events per second';
    return [{ text: ` ${label}: `, tone: 'accent' }, { text: `${text}_` }];
  }
  if (message !== '') return [{ text: ` ${printable(message)}`, tone: 'warn' }];
  if (isHelp) return [{ text: ' any key: back', tone: 'dim' }];
  const { filter } = looks[tab];
  const keys = replay === undefined ? 'p hold' : 'p play  left right seek';
  return [
    { text: ` ? help  q leave  ${keys}  / filter  s sort  Enter open  Esc back`, tone: 'dim' },
    { text: filter === '' ? '' : `   filter: ${filter}`, tone: 'accent' },
  ];
}

/** StatusText: a look at a fleet as plain text, for pipes, logs and `odin status`. */
import type { FleetFigures, NodeFigures } from './fleet-figures.ts';
import type { Glyphs } from './glyphs.ts';
import type { TabName } from './keymap.ts';
import { type Line, textOf } from './line.ts';
import { loadSummary } from './screens/load-panel.ts';
import { nodeLines } from './screens/node-panel.ts';
import { complaintLines, nodeTable, totalLine } from './screens/overview.ts';
import { publisherLines } from './screens/publisher-panel.ts';
import { firstSorts, tableOf } from './screens/tables.ts';
import { viewOf } from './table.ts';
import { initialState } from './view-state.ts';

/** Columns of a pipe: nothing is cut off for want of a terminal. */
const columns = 200;

/** One tab of it; lines that each end. */
export function statusText(
  figures: FleetFigures,
  glyphs: Glyphs,
  tab: TabName = 'overview',
): string {
  const { nodes, timeMs } = figures;
  const table = tab === 'overview' ? viewOf(nodeTable(nodes)) : tableOf(tab, figures, nodes);
  const look = { ...initialState(tab, firstSorts).looks[tab], chosen: -1 };
  const rows = Number.MAX_SAFE_INTEGER;
  const body: readonly Line[] =
    tab === 'publisher'
      ? publisherLines(figures.publisher, 0, glyphs)
      : (table?.lines(look, { columns, rows }, glyphs) ?? []);
  const summary = tab === 'load' ? loadSummary(figures.loadtest, 0, glyphs) : [];
  const complaints = complaintLines(nodes, timeMs, glyphs);
  const parts =
    tab === 'overview'
      ? [body, overviewLines(nodes, glyphs), complaints]
      : [summary, body, complaints];
  const lines = parts
    .filter(({ length }) => length > 0)
    .flatMap((part, at) => (at > 0 ? [[], ...part] : part));
  return lines.map((spans) => `${textOf(spans).trimEnd()}\n`).join('');
}

/** Of one node all there is, without courses; of several their sum. */
function overviewLines(nodes: readonly NodeFigures[], glyphs: Glyphs): Line[] {
  const [first, ...others] = nodes;
  if (first === undefined || others.length > 0) return [totalLine(nodes)];
  return nodeLines(first, 0, glyphs);
}

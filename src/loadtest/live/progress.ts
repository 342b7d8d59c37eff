/** What a load test shows while it runs: one line per interval. */
import { shortened } from '../../base/terminal-text.ts';
import { formatCount, formatMs } from '../../base/units.ts';
import type { RunPlace } from '../plan/timeline.ts';
import type { KindNow } from '../results/run-parts.ts';
import type { SeriesPoint } from '../results/series.ts';
import type { Totals } from '../workers/totals.ts';

/** The state of a run at one moment. */
export interface Progress extends RunPlace {
  readonly elapsedMs: number;
  /** Of the clients that behave, as all that follows. */
  readonly opened: number;
  readonly active: number;
  readonly failed: number;
  /** Clients that were open when their worker, or its agent, was lost. */
  readonly vanished: number;
  /** Events since the line before. */
  readonly receivedPerSecond: number;
  readonly lost: number;
  /** Latency since the begin of the hold phase, in milliseconds; 0 when there is none yet. */
  readonly p50: number;
  readonly p99: number;
  /** Of the last intervals, oldest first; null where nothing was measured. */
  readonly recentP99Ms: readonly (number | null)[];
  /** Each kind of clients, those that misbehave too; empty when there is only one. */
  readonly kinds: readonly KindNow[];
  /** All of it. */
  readonly totals: Totals;
  readonly points: readonly SeriesPoint[];
}

/** What a line shows of it. */
type LineFigures = Omit<Progress, 'totals' | 'points'>;

/** Intervals of a trend. */
const maxTrend = 24;

/** Makes the progress of successive totals; remembers the last for the rate. */
export function createProgressMeter(): (
  totals: Totals,
  place: RunPlace,
  elapsedMs: number,
  points?: readonly SeriesPoint[],
  kinds?: readonly KindNow[],
) => Progress {
  let before = { elapsedMs: 0, received: 0 };
  return (totals, place, elapsedMs, points = [], kinds = []) => {
    const { connections, messages, latency } = totals;
    const seconds = Math.max(1, elapsedMs - before.elapsedMs) / 1_000;
    const receivedPerSecond = Math.max(0, messages.received - before.received) / seconds;
    before = { elapsedMs, received: messages.received };
    const { opened, active, failed, vanished } = connections;
    return {
      ...place,
      elapsedMs,
      opened,
      active,
      failed,
      vanished,
      receivedPerSecond,
      lost: messages.lost,
      p50: latency.percentile(50),
      p99: latency.percentile(99),
      kinds,
      totals,
      points,
      recentP99Ms: points.slice(-maxTrend).map((point) => point.latencyP99Ms),
    };
  };
}

/** A stage's name takes this many columns at most. */
const maxNameColumns = 20;
/** A trend of fewer intervals shows nothing. */
const minTrend = 4;
const bars = '▁▂▃▄▅▆▇█';

/**
 * One line: `12s hold    1 000/1 000 open  48 210 ev/s  p50 2.1ms …`. On a terminal of `columns`, the
 * p99 of the last intervals follows as bars, as far as there is room. `intervalMs` is how often there
 * is a line.
 */
export function formatProgress(
  progress: LineFigures,
  { columns = 0, intervalMs = 1_000 }: { columns?: number; intervalMs?: number } = {},
): string {
  const line = progressText(progress, intervalMs % 1_000 === 0 ? 0 : 1);
  const trend = trendOf(progress.recentP99Ms, columns - line.length - 2);
  return trend === '' ? line : `${line}  ${trend}`;
}

/** Bars from zero to the highest value; the newest that fit. */
function trendOf(values: readonly (number | null)[], room: number): string {
  const shown = values.slice(-Math.max(0, Math.min(room, maxTrend)));
  const highest = Math.max(0, ...shown.map((value) => value ?? 0));
  if (room < minTrend || shown.length < minTrend || highest === 0) return '';
  return shown
    .map((ms) => (ms === null ? ' ' : bars[Math.round((ms / highest) * (bars.length - 1))]))
    .join('');
}

function progressText(progress: LineFigures, decimals: number): string {
  const { active, target, failed, vanished, receivedPerSecond, lost, p50, p99, kinds } = progress;
  const latency = p99 > 0 ? `p50 ${formatMs(p50)}  p99 ${formatMs(p99)}` : '';
  // The same ones in every line: what came and went would be taken for a change.
  const apart = kinds.filter(({ isGood }) => !isGood);
  return [
    `${(progress.elapsedMs / 1_000).toFixed(decimals)}s ${shortened(progress.stage, maxNameColumns).padEnd(6)}`,
    `${formatCount(active)}/${formatCount(target)} open`,
    `${formatCount(receivedPerSecond)} ev/s`,
    latency,
    failed > 0 ? `${formatCount(failed)} failed` : '',
    vanished > 0 ? `${formatCount(vanished)} vanished` : '',
    lost > 0 ? `${formatCount(lost)} lost` : '',
    ...apart.map((kind) => `${formatCount(kind.active)}/${formatCount(kind.target)} ${kind.name}`),
  ]
    .filter((part) => part !== '')
    .join('  ');
}

/** The course of a run as CSV (RFC 4180): one line per point, empty where nothing was measured. */
import type { LoadTestReport } from '../results/report.ts';
import type { SeriesPoint } from '../results/series.ts';

const columns: readonly (keyof SeriesPoint)[] = [
  'elapsedMs',
  'phase',
  'active',
  'opened',
  'failed',
  'receivedPerSecond',
  'lost',
  'errorsPerSecond',
  'latencyP50Ms',
  'latencyP99Ms',
  'cpuPercent',
  'loopDelayP99Ms',
];

/** The series of a report; numbers and names of phases need no quotes. */
export function csvReport({ series }: LoadTestReport): string {
  const lines = series.points.map((point) => columns.map((name) => point[name] ?? '').join());
  return [columns.join(), ...lines].map((line) => `${line}\r\n`).join('');
}

/** Figures as text, short enough for columns. */
import { formatBytes, formatDuration } from '../base/units.ts';

/** What stands for a figure that is not known. */
export const unknown = '-';

/** A count or rate in a few characters: `0`, `0.02`, `3.4`, `987`, `12.3k`, `1.2M`. */
export function formatFigure(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return unknown;
  if (value < 0) return `-${formatFigure(-value)}`;
  if (value > 0 && value < 0.1) return `${Number(value.toPrecision(1))}`;
  if (value < 10) return `${Math.round(value * 10) / 10}`;
  // Bounds are those of what is rounded: 999.6 is not 1000.
  for (const [size, unit] of [
    [1, ''],
    [1e3, 'k'],
    [1e6, 'M'],
    [1e9, 'G'],
  ] as const) {
    const scaled = value / size;
    if (scaled < 99.95 && size > 1) return `${scaled.toFixed(1)}${unit}`;
    if (scaled < 999.5) return `${Math.round(scaled)}${unit}`;
  }
  return `${Math.round(value / 1e12)}T`;
}

/** The same per second. */
export function formatPerSecond(value: number | undefined): string {
  return value === undefined ? unknown : `${formatFigure(value)}/s`;
}

/** Milliseconds: `0.4 ms`, `12 ms`, `3.2 s`. */
export function formatMillis(ms: number | null | undefined): string {
  if (ms === undefined || ms === null) return unknown;
  if (ms >= 9_950) return `${Math.round(ms / 1_000)} s`;
  if (ms >= 999.5) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 9.95 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** A share of 100. */
export function formatPercent(value: number | null | undefined): string {
  return value === undefined || value === null ? unknown : `${Math.round(value)} %`;
}

/** Bytes, in binary units. */
export function formatSize(bytes: number | undefined): string {
  return bytes === undefined ? unknown : formatBytes(Math.round(bytes));
}

/** A time that passed, in its two largest units: `2h5m`, `40s`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds >= 86_400)
    return `${Math.floor(seconds / 86_400)}d${Math.floor((seconds % 86_400) / 3_600)}h`;
  const whole = seconds >= 3_600 ? seconds - (seconds % 60) : seconds;
  return whole === 0 ? '0s' : formatDuration(whole * 1_000);
}

/** Counts by label, those above 0, largest first: `AT_CAPACITY 3, DRAINING 1`. */
export function formatCounts(counts: Readonly<Record<string, number>>): string {
  const rows = Object.entries(counts).filter(([, count]) => count > 0);
  if (rows.length === 0) return 'none';
  return rows
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${formatFigure(count)}`)
    .join(', ');
}

/** The time of day, `12:03:04Z`, in UTC as logs are. */
export function formatClock(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(11, 19)}Z`;
}

/** Durations and byte sizes as people write and read them. */

/** The longest that a timer of Node waits, in milliseconds: 24 days. A longer one ends at once. */
export const maxTimerMs = 2 ** 31 - 1;

const durationUnits: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const byteUnits: Record<string, number> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** Milliseconds of `250ms`, `30s`, `1m30s`, `1.5h`; undefined when it is none of these. */
export function parseDurationMs(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    total += Number(amount) * (durationUnits[unit as string] as number);
  }
  return total;
}

/** Bytes of `64MiB`, `512KB` or a plain number of bytes; undefined when it is none of these. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(B|KiB|MiB|GiB|KB|MB|GB)?$/.exec(text);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * (byteUnits[match[2] ?? 'B'] as number));
}

/** The shortest text that {@link parseDurationMs} reads back as `ms`: `30s`, `1m30s`, `1.5ms`. */
export function formatDuration(ms: number): string {
  if (!Number.isInteger(ms) || ms < 1_000) return `${ms}ms`;
  const parts: string[] = [];
  let rest = ms;
  for (const unit of ['h', 'm', 's', 'ms']) {
    const size = durationUnits[unit] as number;
    if (rest >= size) parts.push(`${Math.floor(rest / size)}${unit}`);
    rest %= size;
  }
  return parts.join('');
}

/** A time for people, to a tenth of a second below a minute and to a second above: `3.1s`, `1m30s`. */
export function formatLength(ms: number): string {
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)}s`;
  return formatDuration(Math.round(ms / 1_000) * 1_000);
}

/** Bytes for people, in binary units with at most one decimal: `64MiB`, `1.5KiB`, `812B`. */
export function formatBytes(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const size = byteUnits[unit] as number;
    if (bytes >= size) return `${Math.round((bytes / size) * 10) / 10}${unit}`;
  }
  return `${bytes}B`;
}

/** A count with thin grouping for people: `1 234 567`. */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** Milliseconds for people: `0.42ms`, `4.2ms`, `420ms`, `4.20s`; a dash for what is not known. */
export function formatMs(ms: number | null): string {
  if (ms === null) return '–';
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)}s`;
  if (ms >= 100) return `${ms.toFixed(0)}ms`;
  return `${ms.toFixed(ms >= 1 ? 1 : 2)}ms`;
}

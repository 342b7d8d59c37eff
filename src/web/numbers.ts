/** Numbers as the pages write them. */

/** What is not known, or no number: events carry what their publishers wrote. */
const none = '–';
const formats = new Map<string, Intl.NumberFormat>();

type Maybe = number | null | undefined;

function isNumber(value: Maybe): value is number {
  return Number.isFinite(value);
}

function format(value: number, options: Intl.NumberFormatOptions): string {
  const key = JSON.stringify(options);
  let found = formats.get(key);
  if (found === undefined) {
    found = new Intl.NumberFormat('en', options);
    formats.set(key, found);
  }
  return found.format(value);
}

/** `18,204` */
export function count(value: Maybe): string {
  return isNumber(value) ? format(value, { maximumFractionDigits: 0 }) : none;
}

/** Large numbers in short: `1.2K`, `3.4M`. */
export function short(value: Maybe): string {
  return isNumber(value)
    ? format(value, { notation: 'compact', maximumSignificantDigits: 3 })
    : none;
}

/** A price with as many decimals as its size needs; the same number of them at each size. */
export function price(value: Maybe): string {
  if (!isNumber(value)) return none;
  const size = Math.abs(value);
  const digits = size >= 1_000 ? 2 : size >= 1 ? 4 : 6;
  return format(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `+1.24 %`, `−0.50 %` */
export function signedPercent(value: number): string {
  const options = { minimumFractionDigits: 2, maximumFractionDigits: 2 } as const;
  return `${format(value, { ...options, signDisplay: 'exceptZero' }).replace('-', '−')} %`;
}

/** `12 %` */
export function percent(value: Maybe): string {
  return isNumber(value) ? `${format(value, { maximumFractionDigits: 1 })} %` : none;
}

/** Milliseconds: `< 1 ms`, `1.5 ms`, `12 ms`, `1.2 s`. */
export function time(ms: Maybe): string {
  if (!isNumber(ms)) return none;
  if (ms < 1) return ms === 0 ? '0' : '< 1 ms';
  const options = { maximumSignificantDigits: 2 } as const;
  return ms < 1_000
    ? `${format(ms, ms < 100 ? options : { maximumFractionDigits: 0 })} ms`
    : `${format(ms / 1_000, { maximumFractionDigits: 1 })} s`;
}

/** How long something lasts, in whole units: `4 s`, `3 min`, `5 h`, `2 d`. */
export function age(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const [minutes, hours, days] = [seconds / 60, seconds / 3_600, seconds / 86_400];
  if (days >= 2) return `${Math.floor(days)} d`;
  if (hours >= 2) return `${Math.floor(hours)} h`;
  return minutes >= 2 ? `${Math.floor(minutes)} min` : `${seconds} s`;
}

/** `120 MiB` */
export function mebibytes(bytes: Maybe): string {
  return isNumber(bytes) ? `${count(bytes / 1_048_576)} MiB` : none;
}

/** The time of day of a moment in milliseconds since 1970. */
export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString('en', { hourCycle: 'h23' });
}

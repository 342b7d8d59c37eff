/**
 * Field kinds. Each takes what a file gives (typed) or what environment and flags give (text).
 * A field's `meta` may set `env` and `flag` where the derived names will not do, `secret`, and
 * `reloadable` where a running server takes a new value on.
 */
import * as z from 'zod';
import { type AddressForm, addressFault } from '../base/address.ts';
import {
  formatBytes,
  formatDuration,
  maxTimerMs,
  parseBytes,
  parseDurationMs,
} from '../base/units.ts';

/** A whole number from `min` to `max`. */
export function count({ min = 0, max = Number.MAX_SAFE_INTEGER } = {}) {
  const expected =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${min}`
      : `a whole number from ${min} to ${max}`;
  const native: Native<number> = (e) => z.int(e).min(min, e).max(max, e);
  return textOr(native, readNumber, expected).meta({ value: '<n>' });
}

/** A number from `min` to `max`, fractions allowed. */
export function amount({ min = 0, max = Number.POSITIVE_INFINITY } = {}) {
  const expected = Number.isFinite(max)
    ? `a number from ${min} to ${max}`
    : `a number of at least ${min}`;
  const native: Native<number> = (e) => z.number(e).min(min, e).max(max, e);
  return textOr(native, readNumber, expected).meta({ value: '<n>' });
}

/** A share from 0 to 100, written `5%` or `5`. */
export function percent() {
  const read = (given: string) => readNumber(given.replace(/\s*%$/, ''));
  const native: Native<number> = (e) => z.number(e).min(0, e).max(100, e);
  return textOr(native, read, 'a percentage from 0% to 100%').meta({ value: '<percent>' });
}

/**
 * Milliseconds, written `250ms`, `30s`, `1m30s`. With `bareSeconds`, `20` means 20 seconds. `max` is
 * for what no timer waits for.
 */
export function duration({ bareSeconds = false, min = 0, max = maxTimerMs } = {}) {
  const read = (text: string) =>
    bareSeconds && /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : parseDurationMs(text);
  const least = min > 0 ? ` of at least ${min}ms` : '';
  const expected = `a duration${least} such as ${bareSeconds ? '30 (seconds), ' : ''}30s or 1m30s`;
  const options = { error: `expected ${expected}` };
  const checked = z.number(options).min(min, options);
  const fromText = fromTextTo(checked, read, expected);
  const fromNumber = z
    .number(options)
    .transform((seconds) => seconds * 1_000)
    .pipe(checked);
  const field = bareSeconds ? z.union([fromText, fromNumber], options) : fromText;
  return field
    .refine((ms) => ms <= max, {
      error:
        max === maxTimerMs
          ? 'expected less than 596h (24 days)'
          : `expected at most ${formatDuration(max)}`,
    })
    .meta({ value: '<duration>' });
}

/** Bytes, written `64MiB`, `16KiB` or a plain number of bytes. */
export function bytes({ min = 0 } = {}) {
  const native: Native<number> = (e) => z.int(e).min(min, e);
  const least = min > 0 ? ` of at least ${formatBytes(min)}` : '';
  const expected = `a size${least} such as 64MiB, 16KiB or 4096`;
  return textOr(native, parseBytes, expected).meta({ value: '<bytes>' });
}

/** Off unless said otherwise; `true`/`false` in files and the environment, a bare flag. */
export function toggle() {
  const read = (text: string) => ({ true: true, '1': true, false: false, '0': false })[text];
  return textOr((e) => z.boolean(e), read, 'true or false').meta({ value: '' });
}

/** A list of texts, comma-separated in the environment and in flags. */
export function list() {
  const read = (text: string) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  return textOr((e) => z.array(z.string(e), e), read, 'a comma-separated list').meta({
    value: '<a,b,…>',
  });
}

/** A text; empty only where `min` is 0. */
export function text({ min = 1 } = {}) {
  return z.string({ error: 'expected text' }).min(min, { error: 'must not be empty' });
}

/** Where a server is. */
export function address(form: AddressForm) {
  const error = ({ input }: { readonly input?: unknown }) =>
    (typeof input === 'string' ? addressFault(input, form) : undefined) ??
    `expected ${form.example}`;
  const protocol = new RegExp(`^(${form.schemes.join('|')})$`);
  return z
    .url({ protocol, error, abort: true })
    .refine((url) => addressFault(url, form) === undefined, { error })
    .meta({ value: '<url>' });
}

/** The path of a file. */
export function file() {
  return text().meta({ value: '<file>' });
}

function readNumber(text: string): number | undefined {
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

/** What a file gives, typed; every complaint of it is to be that of `options`. */
type Native<T> = (options: { readonly error: string }) => z.ZodType<T, T>;

function textOr<T>(native: Native<T>, read: (text: string) => T | undefined, expected: string) {
  const options = { error: `expected ${expected}` };
  const typed = native(options);
  return z.union([typed, fromTextTo(typed, read, expected)], options);
}

function fromTextTo<T>(
  native: z.ZodType<T, T>,
  read: (text: string) => T | undefined,
  expected: string,
) {
  const error = `expected ${expected}`;
  return z.string({ error }).transform((given, context): T => {
    const value = read(given);
    const checked = value === undefined ? undefined : native.safeParse(value);
    if (checked?.success) return checked.data;
    context.issues.push({ code: 'custom', input: given, message: error });
    return z.NEVER;
  });
}

/** What parsed JSON turns out to be. */

/** Whether a value is an object with keys: not null, not a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

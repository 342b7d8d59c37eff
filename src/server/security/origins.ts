/** Origins: the web pages that may connect, however their names are written. */

/** Allowed origins, as browsers write them; empty allows all. */
export type Origins = ReadonlySet<string>;

/** Reads origins such as `https://app.example.com`. */
export function readOrigins(entries: readonly string[]): Origins {
  return new Set(entries.map(canonicalOrigin));
}

/** Whether a page may connect. */
export function allowsOrigin(origins: Origins, origin: string): boolean {
  return origins.size === 0 || origins.has(canonicalOrigin(origin));
}

/** As browsers write it: lower case, without the default port or a slash at the end. */
function canonicalOrigin(text: string): string {
  const { origin } = URL.parse(text) ?? { origin: 'null' };
  return origin === 'null' ? text.toLowerCase() : origin;
}

/** Addresses of servers: as others write them, and what can be wrong with them. */

/** The host of a URL by which this machine reaches a server that listens on `host`. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** What an address has to be. */
export interface AddressForm {
  readonly schemes: readonly string[];
  /** One that is right: `http://host:port`. */
  readonly example: string;
  /** Whether it may say more than where the server is: a path, and what is asked of it. */
  readonly hasPath?: boolean;
  /** Where a login goes, as it has no place in an address. */
  readonly login?: string;
}

/** Why nobody can be asked at `text`, in words that follow the name of a flag; undefined when somebody can. */
export function addressFault(
  text: string,
  { schemes, example, hasPath = false, login }: AddressForm,
): string | undefined {
  const [, place, rest] =
    new RegExp(`^(?:${schemes.join('|')})://([^/?#]*)(.*)$`, 'is').exec(text) ?? [];
  if (place === undefined) return `expected ${example}`;
  if (place.includes('@'))
    return `expected no login in the address${login === undefined ? '' : `: ${login}`}`;
  const port = /:(\d*)$/.exec(place)?.[1];
  if (port === '0') return 'expected the port of a server: nobody listens at 0';
  if (port !== undefined && Number(port) > 65_535) return 'expected a port from 1 to 65535';
  if (!URL.canParse(text) || place === '') return `expected ${example}`;
  if (!hasPath && rest !== '' && rest !== '/') return `expected ${example} and nothing behind it`;
  return undefined;
}

/** What went wrong on connections, in a closed set of classes: phase × cause. */

/** How far a connection had come. */
export type Phase = 'connect' | 'upgrade' | 'subscribe' | 'open';

type Cause = 'refused' | 'timeout' | 'reset' | 'unreachable' | 'closed' | 'protocol-error';

/** Problems of the machine that generates the load, not of the server. */
type LocalClass =
  | 'local-out-of-descriptors'
  | 'local-out-of-ports'
  | 'local-out-of-memory'
  | 'local-worker-died';

/**
 * Class of an error: `connect-refused`, `upgrade-status-503`, `open-close-1001`… `unknown` stands
 * for what fits none of them.
 */
export type ErrorClass =
  | `${Phase}-${Cause}`
  | `${Phase}-close-${number}`
  | `upgrade-status-${number}`
  | 'upgrade-bad-response'
  | 'upgrade-bad-accept'
  | 'upgrade-bad-subprotocol'
  | 'subscribe-rejected'
  | 'open-bad-message'
  | 'open-error'
  | LocalClass
  | 'unknown';

/** How often a class came up, with the text of its first case. */
export interface ErrorCount {
  readonly class: ErrorClass;
  readonly count: number;
  readonly example: string;
}

const causes: Readonly<Record<string, Cause>> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
};

const localCodes: Readonly<Record<string, LocalClass>> = {
  EMFILE: 'local-out-of-descriptors',
  ENFILE: 'local-out-of-descriptors',
  EADDRNOTAVAIL: 'local-out-of-ports',
  EADDRINUSE: 'local-out-of-ports',
  ENOBUFS: 'local-out-of-memory',
  ENOMEM: 'local-out-of-memory',
};

/** The class of a socket's error code in a phase. */
export function classify(phase: Phase, code: string | undefined): ErrorClass {
  const known = code ?? '';
  const local = localCodes[known];
  if (local !== undefined) return local;
  const cause = causes[known];
  return cause === undefined ? 'unknown' : `${phase}-${cause}`;
}

/** Status and close codes are numbers of the server's choice, so even a closed set has a limit. */
const maxClasses = 200;
const maxExampleChars = 200;

/** Counts errors by class. */
export class ErrorLog {
  readonly #counts = new Map<ErrorClass, { count: number; example: string }>();

  add(errorClass: ErrorClass, example: string, times = 1): void {
    const known = this.#counts.get(errorClass);
    if (known !== undefined) known.count += times;
    else if (this.#counts.size >= maxClasses && errorClass !== 'unknown') {
      this.add('unknown', `${errorClass}: ${example}`, times);
    } else {
      this.#counts.set(errorClass, { count: times, example: example.slice(0, maxExampleChars) });
    }
  }

  /** Classes by count, most frequent first. */
  list(): ErrorCount[] {
    return [...this.#counts]
      .map(([errorClass, entry]) => ({ class: errorClass, ...entry }))
      .sort((a, b) => b.count - a.count || a.class.localeCompare(b.class));
  }
}

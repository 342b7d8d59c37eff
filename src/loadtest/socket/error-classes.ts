/** The closed table of what can go wrong on a connection: phase × cause, and who is to blame. */
import { messageOf } from '../../base/errors.ts';
import { disconnects } from '../../protocol/disconnects.ts';

/** How far a connection had come. */
export type Phase = 'connect' | 'tls' | 'upgrade' | 'subscribe' | 'open';

/** What ends a connection in any phase. */
export type Cause = 'refused' | 'timeout' | 'reset' | 'unreachable' | 'closed' | 'protocol-error';

/** Problems of the machine that generates the load, not of the server. */
export type LocalCause =
  | 'out-of-descriptors'
  | 'out-of-ports'
  | 'no-such-address'
  | 'out-of-memory'
  | 'not-permitted'
  | 'left-early'
  | 'worker-died'
  | 'agent-lost';

/** What is wrong with a certificate, or with expecting one. */
type TlsCause =
  | 'name-mismatch'
  | 'expired'
  | 'not-yet-valid'
  | 'self-signed'
  | 'untrusted'
  | 'bad-certificate'
  | 'plain-expected';

type UpgradeCause = 'bad-response' | 'bad-accept' | 'bad-subprotocol' | 'tls-expected';

/**
 * Who has to look: the load tester or how it was started, what lies between, the server, or what
 * the server was told to do (limits, tokens, draining).
 */
export type Blame = 'generator' | 'network' | 'server' | 'policy' | 'unknown';

/**
 * Class of an error: `connect-refused`, `upgrade-status-503`, `open-close-1001`… `unknown` stands
 * for what fits none of them.
 */
export type ErrorClass =
  | `${Phase}-${Cause}`
  | `${Phase}-close-${number}`
  | `tls-${TlsCause}`
  | `upgrade-status-${number}`
  | `upgrade-${UpgradeCause}`
  | 'subscribe-rejected'
  | 'open-bad-message'
  | 'open-error'
  | `local-${LocalCause}`
  | 'unknown';

/** A class taken apart. */
export interface ErrorKind {
  readonly phase: Phase | 'local' | 'unknown';
  /** `refused`, `status-503`, `close-1001`… */
  readonly cause: string;
  readonly blame: Blame;
}

/** Causes that are the same everywhere; a connection that nobody answers blames the way to it. */
const blameOfCause: Readonly<Record<string, Blame>> = {
  refused: 'server',
  timeout: 'server',
  reset: 'network',
  unreachable: 'network',
  closed: 'server',
  'protocol-error': 'server',
  'bad-response': 'server',
  'bad-accept': 'server',
  'bad-subprotocol': 'server',
  'tls-expected': 'generator',
  'plain-expected': 'generator',
  // The name that was asked for, and what is trusted, are the load tester's choice.
  'name-mismatch': 'generator',
  'self-signed': 'generator',
  untrusted: 'generator',
  expired: 'server',
  'not-yet-valid': 'server',
  'bad-certificate': 'server',
  rejected: 'policy',
  'bad-message': 'server',
  error: 'policy',
} satisfies Record<
  Cause | TlsCause | UpgradeCause | 'rejected' | 'bad-message' | 'error',
  Exclude<Blame, 'unknown'>
>;

/** Statuses that say no on purpose; other 4xx, 3xx and 2xx mean that the wrong thing was asked. */
const policyStatuses: ReadonlySet<number> = new Set([401, 403, 407, 429, 451, 503]);

/** What the standard's close codes tell of; those of 3000–4999 are the application's policy. */
const blameOfClose: Readonly<Record<number, Blame>> = {
  1000: 'server',
  1001: 'policy',
  1002: 'generator',
  1003: 'generator',
  1005: 'server',
  1007: 'generator',
  1008: 'policy',
  1009: 'generator',
  1010: 'generator',
  1011: 'server',
  1012: 'policy',
  1013: 'policy',
  1014: 'server',
  // Clients that do not answer or do not read: the load tester, as far as the server can see.
  [disconnects.unresponsive.code]: 'generator',
  [disconnects.tooSlow.code]: 'generator',
};

/** Whether a server may send a close code (RFC 6455 §7.4); 1005 stands for none. */
export function isCloseCode(code: number): boolean {
  return code in blameOfClose || (code >= 3_000 && code <= 4_999);
}

/** Takes a class apart. */
export function kindOf(errorClass: ErrorClass): ErrorKind {
  const dash = errorClass.indexOf('-');
  if (dash < 0) return { phase: 'unknown', cause: 'unknown', blame: 'unknown' };
  const phase = errorClass.slice(0, dash) as Phase | 'local';
  const cause = errorClass.slice(dash + 1);
  return { phase, cause, blame: blameOf(phase, cause) };
}

function blameOf(phase: Phase | 'local', cause: string): Blame {
  if (phase === 'local') return 'generator';
  if (phase === 'connect' && cause === 'timeout') return 'network';
  const number = Number(/\d+$/.exec(cause)?.[0]);
  if (cause.startsWith('status-')) {
    if (policyStatuses.has(number)) return 'policy';
    return number >= 500 ? 'server' : 'generator';
  }
  if (cause.startsWith('close-')) return blameOfClose[number] ?? 'policy';
  return blameOfCause[cause] ?? 'unknown';
}

const causes: Readonly<Record<string, Cause>> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  ENETRESET: 'reset',
  EPIPE: 'reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
};

const localCodes: Readonly<Record<string, LocalCause>> = {
  EMFILE: 'out-of-descriptors',
  ENFILE: 'out-of-descriptors',
  EADDRNOTAVAIL: 'out-of-ports',
  EADDRINUSE: 'out-of-ports',
  ENOBUFS: 'out-of-memory',
  ENOMEM: 'out-of-memory',
  EACCES: 'not-permitted',
  EPERM: 'not-permitted',
};

/** What OpenSSL and Node say of a certificate. */
const certificateCodes: Readonly<Record<string, TlsCause>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'name-mismatch',
  HOSTNAME_MISMATCH: 'name-mismatch',
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'not-yet-valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed',
  UNABLE_TO_GET_ISSUER_CERT: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'untrusted',
  CERT_UNTRUSTED: 'untrusted',
};

/** The rest of what X509_verify_cert_error_string(3) lists. */
const certificateFault = /(^|_)(CERT|CRL|CA|ISSUER|PATH_LENGTH|PURPOSE)(_|$)/;

/** What OpenSSL makes of an answer that is no TLS record. */
const plainAnswers = /wrong version number|http request|packet length too long|unknown protocol/i;

/** What is known of a socket's error. */
type SocketError = Pick<NodeJS.ErrnoException, 'code' | 'message' | 'syscall'>;

/** What Node adds for who writes programs: no flag of its own can be given here. */
const adviceOfNode = /; if the root CA is installed locally, .*$/s;

/** An error of a socket, with what OpenSSL and Node add to it. */
type TlsError = Error & {
  readonly reason?: unknown;
  readonly cert?: { readonly subjectaltname?: string };
};

/** What a socket's error says, for a person: what OpenSSL found instead of where in its code. */
export function wordsOf(error: TlsError): string {
  const { reason, cert } = error;
  if (typeof reason !== 'string') return messageOf(error).replace(adviceOfNode, '');
  // Node lists the addresses of a certificate, also where it has none.
  return reason.replace(/list: $/, () => `list; it is for ${cert?.subjectaltname || 'no name'}`);
}

/** The class of a socket's error in a phase. */
export function classify(phase: Phase, { code = '', message, syscall }: SocketError): ErrorClass {
  // A source address; one that has no port left is EADDRINUSE.
  if (code === 'EADDRNOTAVAIL' && syscall === 'bind') return 'local-no-such-address';
  const local = localCodes[code];
  if (local !== undefined) return `local-${local}`;
  const certificate = certificateCodes[code];
  if (certificate !== undefined) return `tls-${certificate}`;
  if (certificateFault.test(code)) return 'tls-bad-certificate';
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    const isPlain = phase === 'tls' && plainAnswers.test(message);
    return isPlain ? 'tls-plain-expected' : `${phase}-protocol-error`;
  }
  // Node's word for a socket that was closed before TLS was set up: no call of the system failed.
  if (phase === 'tls' && code === 'ECONNRESET' && syscall === undefined) return 'tls-closed';
  const cause = causes[code];
  return cause === undefined ? 'unknown' : `${phase}-${cause}`;
}

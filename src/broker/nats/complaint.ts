/** What goes wrong at a NATS server, in words for a person, with the way out. */
import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { messageOf, RemoteError } from '../../base/errors.ts';

/** Error codes of the JetStream API; see `server/errors.json` of nats-server. */
const apiCodes = {
  notEnabledForAccount: 10_039,
  notEnabled: 10_076,
  streamNotFound: 10_059,
  subjectsOverlap: 10_065,
} as const;

/** What a {@link complaint} has to know of the configuration. */
export interface ComplaintContext {
  readonly url: string;
  readonly stream: string;
  /** Names of the settings that say who we are; none when we said nothing. */
  readonly loginSettings: readonly string[];
}

/** Whether the stream is not there, as opposed to not being reachable. */
export function isStreamMissing(error: unknown): boolean {
  return find(error, JetStreamApiError)?.code === apiCodes.streamNotFound;
}

/** Whether nobody listens: for a subject of a stream, that the stream is not there just now. */
export function isUnanswered(error: unknown): boolean {
  return find(error, errors.NoRespondersError) !== undefined || isNotEnabled(error);
}

/** Whether a message with its headers is more than the server takes; the library does not send it. */
export function isTooLarge(error: unknown): boolean {
  return find(error, errors.InvalidArgumentError)?.message.includes('max_payload') === true;
}

/** Whether the server has decided: the same request will never be taken. */
export function isFinal(error: unknown): boolean {
  if (find(error, errors.PermissionViolationError) !== undefined) return true;
  if (isTooLarge(error)) return true;
  return find(error, JetStreamApiError)?.status === 400 || isStreamMissing(error);
}

/** Whether the server surely did not do what it was asked. */
export function isRefusal(error: unknown): boolean {
  return isFinal(error) || isUnanswered(error) || find(error, JetStreamApiError) !== undefined;
}

/** The error that people see. `doing` is what was tried, as in `reading the stream`. */
export function complaint(
  { url, stream, loginSettings }: ComplaintContext,
  error: unknown,
  doing?: string,
): RemoteError {
  if (error instanceof RemoteError) return error;
  const cause = find(error, errors.RequestError)?.cause ?? error;
  const remote = (message: string, ...hint: string[]) =>
    new RemoteError(message, { hint: hint.join('\n') || undefined, cause: error });
  if (isLoginFailure(error)) {
    const check = loginSettings.join(' and ');
    return remote(
      `${url} refuses the login: ${messageOf(cause)}`,
      check === ''
        ? 'it wants to know who we are: set NATS_CREDS_FILE, NATS_USER and NATS_PASSWORD, NATS_TOKEN or NATS_NKEY_FILE'
        : `check ${check}`,
    );
  }
  const forbidden = find(error, errors.PermissionViolationError);
  if (forbidden !== undefined) {
    const { operation, subject } = forbidden;
    const what = operation === 'publish' ? 'publish to' : 'subscribe to';
    return remote(
      `${url} forbids ${doing ?? 'this'}: the user may not ${what} ${subject}`,
      'the user needs to publish to $JS.API.> and the subjects of the stream, and to subscribe to _INBOX.>',
    );
  }
  const code = find(error, JetStreamApiError)?.code;
  if (code === apiCodes.streamNotFound) return missingStream(url, stream, error);
  if (code === apiCodes.notEnabledForAccount) {
    return remote(
      `JetStream is not enabled for this account on ${url}`,
      'give the account limits for JetStream, or `jetstream: enabled` in the configuration of the server',
    );
  }
  if (code === apiCodes.notEnabled || isNotEnabled(error)) {
    return remote(
      `JetStream is not enabled on ${url}`,
      'start nats-server with -js, or with `jetstream {}` in its configuration',
    );
  }
  if (code === apiCodes.subjectsOverlap) {
    return remote(
      `another stream on ${url} holds the subjects of ${stream} already`,
      'name that one with JS_STREAM_NAME, or choose other subjects with --nats-subject-prefix',
    );
  }
  if (doing !== undefined) return remote(`${doing} failed at ${url}: ${messageOf(cause)}`);
  return remote(
    `cannot reach ${url}: ${messageOf(cause)}`,
    'is it running and reachable from here?',
    'does it expect TLS (tls://…, --nats-tls-ca-file)?',
  );
}

/** What to say when there is no stream. */
export function missingStream(url: string, stream: string, cause?: unknown): RemoteError {
  return new RemoteError(`stream ${stream} does not exist on ${url}`, {
    hint: `odin topics create --broker ${url}`,
    cause,
  });
}

function isLoginFailure(error: unknown): boolean {
  return (
    find(error, errors.AuthorizationError) !== undefined ||
    find(error, errors.UserAuthenticationExpiredError) !== undefined
  );
}

/** The library's name for a request to the JetStream API that nobody took; it exports no class. */
function isNotEnabled(error: unknown): boolean {
  return error instanceof Error && error.name === 'JetStreamNotEnabled';
}

/** The first error of a class among an error and its causes. */
function find<E extends Error>(error: unknown, kind: new (...given: never[]) => E): E | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof kind) return at;
  return undefined;
}

/** Publishing over HTTP to a server with the embedded broker: ordered, repeated until it is there. */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '../base/backoff.ts';
import { messageOf, RemoteError } from '../base/errors.ts';
import type { OutgoingRecord, Producer } from '../broker/broker.ts';
import { type Answer, HttpConnection, whyUnanswered } from '../host/http-connection.ts';
import type { Log } from '../host/log.ts';
import { RecordsRefused } from './records-refused.ts';

/** The server takes requests of at most this size. */
const maxRequestBytes = 1024 * 1024;
const retryBackoff = { baseMs: 50, maxMs: 5_000 };
const warnEveryMs = 10_000;
/** Of what a server says, so much is shown. */
const maxSaidChars = 100;
/** Answers that may be another at the next try. */
const retriedStatuses = new Set([408, 425, 429, 500, 502, 503, 504]);

/** How to talk to the server. */
export interface HttpTargetOptions {
  /** The server's ADMIN_TOKEN; not needed on loopback. */
  readonly token?: string | undefined;
  /** How long one request may take before it is repeated, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

/**
 * A producer that posts to `{url}/api/publish`. Rejects with a RemoteError when the server cannot
 * be reached now; later outages are waited out. Each request carries a number, by which the server
 * knows a repeated one, so every event arrives once. A record's value must be a JSON object.
 */
export async function openHttpTarget(
  url: string,
  log: Log,
  options: HttpTargetOptions = {},
): Promise<Producer> {
  const target = new HttpTarget(new URL(url.endsWith('/') ? url : `${url}/`), log, options);
  try {
    await target.probe();
  } catch (error) {
    await target[Symbol.asyncDispose]();
    throw new RemoteError(`cannot reach ${url}: ${whyUnanswered(error)}`, {
      hint: 'is `odin serve` running there? check the address, or publish with --broker instead',
      cause: error,
    });
  }
  return target;
}

/** One call of `send`; resolved when none of its lines is left. */
interface Call {
  left: number;
  refused: number;
  reason: string;
  readonly done: PromiseWithResolvers<void>;
}

interface Line {
  readonly text: string;
  readonly bytes: number;
  readonly call: Call;
}

class HttpTarget implements Producer {
  readonly #base: URL;
  readonly #log: Log;
  readonly #token: string | undefined;
  readonly #timeoutMs: number;
  readonly #connection: HttpConnection;
  readonly #closed = new AbortController();
  readonly #producerId = randomUUID();
  /** Bounded by the caller, who waits for `send`. */
  #queue: Line[] = [];
  #batches = 0;
  #working = false;
  #fatal: RemoteError | undefined;

  constructor(base: URL, log: Log, { token, timeoutMs = 10_000 }: HttpTargetOptions) {
    this.#base = base;
    this.#log = log;
    this.#token = token;
    this.#timeoutMs = timeoutMs;
    this.#connection = new HttpConnection(base);
  }

  /** Any answer will do: it shows that something listens. */
  async probe(): Promise<void> {
    const url = new URL('health', this.#base);
    const { signal } = this.#closed;
    await this.#connection.exchange({ url, method: 'GET', timeoutMs: this.#timeoutMs, signal });
  }

  send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#fatal !== undefined) return Promise.reject(this.#fatal);
    if (records.length === 0) return Promise.resolve();
    const done = Promise.withResolvers<void>();
    const call: Call = { left: records.length, refused: 0, reason: '', done };
    for (const { key, value } of records) {
      const text = `{"key":${JSON.stringify(key)},${value.slice(1)}`;
      const bytes = Buffer.byteLength(text) + 1;
      if (bytes > maxRequestBytes) settleLine(call, `larger than ${maxRequestBytes} bytes`);
      else this.#queue.push({ text, bytes, call });
    }
    if (!this.#working) void this.#work();
    return done.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new RemoteError(`publishing to ${this.#base.origin} was closed`));
    this.#closed.abort();
    this.#connection[Symbol.dispose]();
  }

  /** One request at a time, so that order is kept; what comes meanwhile goes into the next. */
  async #work(): Promise<void> {
    this.#working = true;
    // Calls of the same turn share a request.
    await Promise.resolve();
    while (this.#queue.length > 0 && this.#fatal === undefined) {
      const lines = this.#takeBatch();
      try {
        const answer = await this.#deliver(Buffer.from(lines.map(({ text }) => text).join('\n')));
        settle(lines, answer);
      } catch (error) {
        this.#queue = [...lines, ...this.#queue];
        this.#fail(error instanceof RemoteError ? error : new RemoteError(messageOf(error)));
      }
    }
    this.#working = false;
  }

  #takeBatch(): Line[] {
    let bytes = 0;
    let count = 0;
    for (const line of this.#queue) {
      bytes += line.bytes;
      if (bytes > maxRequestBytes) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  /** Repeats one request, number and all, until the server has said what became of it. */
  async #deliver(body: Buffer): Promise<Answer> {
    this.#batches++;
    let warnedMs = Number.NEGATIVE_INFINITY;
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#post(body).catch((error: unknown) => messageOf(error));
      if (this.#fatal !== undefined) throw this.#fatal;
      if (typeof outcome !== 'string' && !retriedStatuses.has(outcome.status)) {
        if (attempt > 0) this.#log.info({ attempts: attempt + 1 }, 'the server takes events again');
        return this.#checked(outcome);
      }
      if (performance.now() - warnedMs >= warnEveryMs) {
        warnedMs = performance.now();
        const reason = typeof outcome === 'string' ? outcome : `status ${outcome.status}`;
        this.#log.warn({ reason, attempt }, 'the server takes no events, trying again');
      }
      const { signal } = this.#closed;
      await delay(backoffMs(attempt, retryBackoff), undefined, { signal }).catch(() => undefined);
      if (this.#fatal !== undefined) throw this.#fatal;
    }
  }

  #post(body: Buffer): Promise<Answer> {
    const authorization =
      this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    return this.#connection.exchange({
      url: new URL('api/publish', this.#base),
      method: 'POST',
      headers: {
        'content-type': 'application/x-ndjson',
        'x-odin-producer': this.#producerId,
        'x-odin-batch': String(this.#batches),
        ...authorization,
      },
      body,
      timeoutMs: this.#timeoutMs,
      signal: this.#closed.signal,
    });
  }

  #checked(answer: Answer): Answer {
    const { status, text } = answer;
    if (status === 200 || (status === 400 && rejectedLines(text) !== undefined)) return answer;
    const said = firstLine(errorOf(text) ?? text);
    const named = [status, STATUS_CODES[status]].filter(Boolean).join(' ');
    const refused = status === 401 || status === 403;
    throw new RemoteError(
      refused
        ? `${this.#base.origin} does not let us publish: ${said || named}`
        : `${this.#base.origin} answered ${named} to events${said === '' ? '' : `: ${said}`}`,
      {
        hint: refused
          ? 'set ADMIN_TOKEN to the token of that server'
          : 'only an odin server with the embedded broker takes events over http',
      },
    );
  }

  #fail(error: RemoteError): void {
    this.#fatal ??= error;
    for (const { call } of this.#queue.splice(0)) call.done.reject(this.#fatal);
  }
}

/** The server lists a bounded number of refusals; beyond it, only their number is known. */
function settle(lines: readonly Line[], answer: Answer): void {
  const rejected = answer.status === 200 ? undefined : rejectedLines(answer.text);
  const reasons = new Map(rejected?.map(({ line, reason }) => [line, reason]));
  const { accepted } = objectOf(answer.text);
  let unlisted =
    rejected === undefined ? 0 : lines.length - Number(accepted ?? lines.length) - reasons.size;
  for (let number = lines.length; unlisted > 0 && number > 0; number--) {
    if (reasons.has(number)) continue;
    reasons.set(number, 'refused like others of the same request');
    unlisted--;
  }
  for (const [index, { call }] of lines.entries()) settleLine(call, reasons.get(index + 1));
}

function settleLine(call: Call, refusal: string | undefined): void {
  call.left--;
  if (refusal !== undefined) {
    call.refused++;
    call.reason ||= refusal;
  }
  if (call.left > 0) return;
  if (call.refused === 0) call.done.resolve();
  else call.done.reject(new RecordsRefused(call.refused, call.reason));
}

interface Rejected {
  readonly line: number;
  readonly reason: string;
}

/** The lines that the server would not take; undefined when its answer is no such list. */
function rejectedLines(text: string): readonly Rejected[] | undefined {
  const { rejected } = objectOf(text);
  return Array.isArray(rejected) ? (rejected as readonly Rejected[]) : undefined;
}

/** Of whatever a server says: its first line that is not empty, cut, without what drives a terminal. */
function firstLine(text: string): string {
  const line = text.trimStart().split(/[\r\n]/, 1)[0] as string;
  const plain = line.replaceAll(/\p{Cc}/gu, ' ').trim();
  return plain.length <= maxSaidChars ? plain : `${plain.slice(0, maxSaidChars)}…`;
}

function errorOf(text: string): string | undefined {
  const { error } = objectOf(text);
  return typeof error === 'string' ? error : undefined;
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

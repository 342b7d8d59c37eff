/** Reading the events of a running server, as its clients do: the way to those of an embedded broker. */
import { addressFault } from '../base/address.ts';
import { RemoteError, UsageError } from '../base/errors.ts';
import { isObject } from '../base/values.ts';
import type { BrokerRecord } from '../broker/broker.ts';
import { shown } from '../config/resolve.ts';
import { topicOfChannel } from '../events/channel.ts';
import { batchSeparator, subprotocols } from '../protocol/versions.ts';

const openMs = 5_000;
const askMs = 2_000;

/** What to read from which server. */
export interface ServerTailRequest {
  /** `ws://` or `wss://`; what stands behind a `?` is not shown. */
  readonly url: string;
  readonly channels: readonly string[];
  /** Begin with events that are at most this old, in milliseconds; 0 for new ones only. */
  readonly lookbackMs: number;
  /** Events as records, whose partition is not known. */
  readonly onRecords: (records: readonly BrokerRecord[]) => void;
  /** Told what the reader does not get, in words. */
  readonly onLost: (what: string) => void;
}

/** Checks what was given as the address of a server. */
export function readServerUrl(text: string): string {
  const fault = addressFault(text, {
    schemes: ['ws', 'wss'],
    example: 'the address of a server, such as ws://127.0.0.1:3004/ws',
    hasPath: true,
    login: 'a server takes ?token=…',
  });
  if (fault === undefined) return text;
  throw new UsageError(`--url: ${fault}, got ${shown(text)}`);
}

/** A connection to a server. Events that come while it is paused are left out, and told. */
export class ServerTail implements Disposable {
  /** Rejects with a RemoteError when the server ends the connection, or takes no subscription. */
  readonly ended: Promise<never>;
  readonly #request: ServerTailRequest;
  readonly #end = Promise.withResolvers<never>();
  readonly #socket: WebSocket;
  readonly #shown: string;
  #isPaused = false;
  #leftOut = 0;

  private constructor(request: ServerTailRequest) {
    this.#request = request;
    this.#shown = request.url.replace(/\?.*$/, '');
    this.ended = this.#end.promise;
    this.ended.catch(() => {});
    this.#socket = new WebSocket(request.url, subprotocols.v2);
    this.#socket.addEventListener('message', ({ data }) => this.#take(String(data)));
    this.#socket.addEventListener('close', ({ code, reason }) => {
      const why = reason === '' ? `${code}` : `${code} ${reason}`;
      this.#fail(new RemoteError(`${this.#shown} closed the connection: ${why}`));
    });
  }

  /** Connects. Rejects with a RemoteError that says why that is not possible. */
  static async open(request: ServerTailRequest): Promise<ServerTail> {
    const tail = new ServerTail(request);
    const opened = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => opened.resolve(false), openMs);
    tail.#socket.addEventListener('open', () => opened.resolve(true));
    tail.#socket.addEventListener('error', () => opened.resolve(false));
    const isOpen = await opened.promise;
    clearTimeout(timer);
    if (isOpen) return tail;
    tail[Symbol.dispose]();
    throw await refusalOf(request.url, tail.#shown);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const count = this.#leftOut;
    this.#leftOut = 0;
    if (count > 0) this.#request.onLost(`${count} events, which came faster than they were read`);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #fail(error: Error): void {
    this.#end.reject(error);
  }

  #take(text: string): void {
    const records: BrokerRecord[] = [];
    for (const line of text.split(batchSeparator)) {
      const message = parse(line);
      if (message === undefined) continue;
      const record = recordOf(message);
      if (record === undefined) this.#obey(message);
      else if (this.#isPaused) this.#leftOut += 1;
      else records.push(record);
    }
    if (records.length > 0) this.#request.onRecords(records);
  }

  #obey(answer: Record<string, unknown>): void {
    const { type, epoch, channels, rejected, recovered, message } = answer;
    const { onLost } = this.#request;
    if (type === 'welcome') return this.#subscribe(epoch);
    if (type === 'error') return this.#fail(new RemoteError(`${this.#shown} says: ${message}`));
    if (type === 'skipped') return onLost(`left out by the server: ${JSON.stringify(channels)}`);
    if (type !== 'subscription_ack') return;
    if (isObject(recovered)) this.#tellHoles(recovered);
    if (!Array.isArray(rejected) || rejected.length === 0) return;
    const names = rejected.map(({ channel, code }) => `${channel} (${code})`).join(', ');
    this.#fail(new RemoteError(`${this.#shown} does not give ${names}`));
  }

  #tellHoles(recovered: Record<string, unknown>): void {
    const holey = Object.entries(recovered).filter(
      ([, found]) => isObject(found) && found['complete'] === false,
    );
    if (holey.length === 0) return;
    const names = holey.map(([channel]) => channel).join(', ');
    this.#request.onLost(`the server does not have all that was asked for any more: ${names}`);
  }

  #subscribe(epoch: unknown): void {
    const { channels, lookbackMs } = this.#request;
    const position = { epoch, ts: Date.now() - lookbackMs };
    const since = Object.fromEntries(channels.map((channel) => [channel, position]));
    const data = lookbackMs > 0 ? { channels, since } : { channels };
    this.#socket.send(JSON.stringify({ type: 'subscribe', data }));
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The record that an event was made of, but for its partition; undefined for other messages. */
function recordOf(message: Record<string, unknown>): BrokerRecord | undefined {
  const { channel, offset, ts, type, data } = message;
  if (typeof channel !== 'string' || typeof offset !== 'number' || typeof ts !== 'number') return;
  const topic = topicOfChannel(channel);
  if (topic === undefined) return;
  const key = channel.startsWith('global.') ? channel : channel.slice(0, channel.lastIndexOf('.'));
  const value = Buffer.from(JSON.stringify({ key, type, timestamp: ts, data }));
  return { topic, partition: -1, offset, key, value, timestampMs: ts };
}

/** A failed upgrade says nothing of its reason: the server is asked whether it is ready. */
async function refusalOf(url: string, shown: string): Promise<RemoteError> {
  const asked = new URL('/readyz', url.replace(/^ws/, 'http'));
  const answer = await fetch(asked, { signal: AbortSignal.timeout(askMs) }).catch(() => undefined);
  if (answer === undefined) {
    return new RemoteError(`cannot reach ${shown}`, {
      hint: 'start `odin serve`, name another server with --url, or a broker with --broker kafka://… or nats://…',
    });
  }
  if (answer.ok) {
    return new RemoteError(`${shown} is a server that refuses the connection`, {
      hint: 'does it want a token (--url ws://host:port/ws?token=…), or is its path another one?',
    });
  }
  const { reasons } = (await answer.json().catch(() => ({}))) as { reasons?: unknown };
  const why = Array.isArray(reasons) ? reasons.join('; ') : `status ${answer.status}`;
  return new RemoteError(`${shown} takes no clients now: ${why}`);
}

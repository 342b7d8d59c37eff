/** `POST /api/publish`: events from another process into the embedded broker, each once. */
import type { IncomingMessage } from 'node:http';
import type { OutgoingRecord, Producer } from '../broker/broker.ts';
import { categoryFacts } from '../events/categories.ts';
import { channelOfRecord } from '../events/channel.ts';
import { checkEvent, isComplaint } from '../events/event.ts';
import { eventTypes } from '../events/event-types.ts';

/** Most bytes of one request; larger ones are answered 413. */
const maxRequestBytes = 1024 * 1024;
/** Producers whose last batch is remembered, to recognise one that is sent again. */
const maxProducers = 1_024;
/** Bad lines that an answer lists. */
const maxRejected = 100;

/** An HTTP answer. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Rejection {
  readonly line: number;
  readonly reason: string;
}

/** Takes batches of NDJSON lines (or one JSON array) of `{"key","type","timestamp","data"}`. */
export class PublishRoute {
  readonly #producer: Producer;
  readonly #maxEventBytes: number;
  /** The newest batch of each producer; a promise, since a repeat may come before the answer. */
  readonly #newest = new Map<string, { batch: string; answer: Promise<Answer> }>();

  constructor(producer: Producer, maxEventBytes: number) {
    this.#producer = producer;
    this.#maxEventBytes = maxEventBytes;
  }

  /** Publishes the body of one request. Access must have been checked. */
  async handle(request: IncomingMessage): Promise<Answer> {
    const type = request.headers['content-type']?.split(';', 1)[0];
    // A type that browsers do not send without asking first: no web page can publish blindly.
    if (type !== 'application/x-ndjson' && type !== 'application/json') {
      return failure(415, 'UNSUPPORTED_TYPE', 'send application/x-ndjson or application/json');
    }
    const text = await readBody(request);
    if (text === undefined) {
      return failure(413, 'TOO_LARGE', `at most ${maxRequestBytes} bytes in one request`);
    }
    const producer = headerOf(request, 'x-odin-producer');
    const batch = headerOf(request, 'x-odin-batch');
    const publish = () =>
      this.#publish(type === 'application/json' ? readArray(text) : readLines(text));
    if (producer === undefined || batch === undefined) return publish();
    const last = this.#newest.get(producer);
    if (last?.batch === batch) return last.answer;
    const answer = publish();
    this.#remember(producer, batch, answer);
    return answer;
  }

  async #publish(values: readonly (readonly [number, unknown])[]): Promise<Answer> {
    const records: OutgoingRecord[] = [];
    const rejected: Rejection[] = [];
    for (const [line, value] of values) {
      const record = value instanceof Error ? value.message : recordOf(value);
      if (typeof record === 'string') rejected.push({ line, reason: record });
      else if (Buffer.byteLength(record.value) > this.#maxEventBytes) {
        rejected.push({ line, reason: `larger than ${this.#maxEventBytes} bytes` });
      } else records.push(record);
    }
    if (records.length > 0) await this.#producer.send(records);
    if (rejected.length === 0) return { status: 200, body: { accepted: records.length } };
    return {
      status: 400,
      body: {
        error: `${rejected.length} of ${values.length} events are invalid; the others were taken`,
        code: 'BAD_RECORDS',
        accepted: records.length,
        rejected: rejected.slice(0, maxRejected),
      },
    };
  }

  #remember(producer: string, batch: string, answer: Promise<Answer>): void {
    this.#newest.delete(producer);
    this.#newest.set(producer, { batch, answer });
    // What failed was not taken: the next attempt is to be tried, not answered from here.
    answer.catch(() => this.#newest.delete(producer));
    if (this.#newest.size <= maxProducers) return;
    const [oldest] = this.#newest.keys();
    if (oldest !== undefined) this.#newest.delete(oldest);
  }
}

function recordOf(value: unknown): OutgoingRecord | string {
  const event = checkEvent(value);
  if (isComplaint(event)) return event.reason;
  const { key } = value as { key?: unknown };
  if (typeof key !== 'string') return '"key" is missing or not a string';
  const { topic } = categoryFacts[eventTypes[event.type].category];
  if (channelOfRecord(topic, key) === undefined)
    return `"key" is no token symbol: ${JSON.stringify(key)}`;
  return { topic, key, value: JSON.stringify(event), timestampMs: event.timestamp };
}

function readLines(text: string): [number, unknown][] {
  const lines: [number, unknown][] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() !== '') lines.push([index + 1, parse(line)]);
  }
  return lines;
}

function readArray(text: string): [number, unknown][] {
  const value = parse(text);
  return (Array.isArray(value) ? value : [value]).map((item, index) => [index + 1, item]);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return new Error(`not JSON: ${(error as Error).message}`);
  }
}

/** The body as text; undefined when it is too large. Then the rest is read and thrown away. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxRequestBytes) chunks.push(chunk);
    else resolve(undefined);
  });
  request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  request.on('error', reject);
  request.on('close', () => reject(new Error('request was cut off')));
  return promise;
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value.slice(0, 128) : undefined;
}

function failure(status: number, code: string, error: string): Answer {
  return { status, body: { error, code } };
}

/** `POST /api/publish`: events from another process into the embedded broker, each once. */
import type { IncomingMessage } from 'node:http';
import type { OutgoingRecord, Producer } from '../broker/broker.ts';
import { categoryFacts } from '../events/categories.ts';
import { channelOfRecord } from '../events/channel.ts';
import { checkEvent, isComplaint } from '../events/event.ts';
import { eventTypes } from '../events/event-types.ts';

/** Most bytes of one request; larger ones are answered 413. */
export const maxRequestBytes = 1024 * 1024;
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
  readonly #lastAnswers = new Map<string, { batch: string; answer: Answer }>();

  constructor(producer: Producer) {
    this.#producer = producer;
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
    const last = producer === undefined ? undefined : this.#lastAnswers.get(producer);
    if (last !== undefined && last.batch === batch) return last.answer;
    const answer = await this.#publish(
      type === 'application/json' ? readArray(text) : readLines(text),
    );
    if (producer !== undefined && batch !== undefined) this.#remember(producer, batch, answer);
    return answer;
  }

  async #publish(values: readonly (readonly [number, unknown])[]): Promise<Answer> {
    const records: OutgoingRecord[] = [];
    const rejected: Rejection[] = [];
    for (const [line, value] of values) {
      const record = value instanceof Error ? value.message : recordOf(value);
      if (typeof record === 'string') rejected.push({ line, reason: record });
      else records.push(record);
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

  #remember(producer: string, batch: string, answer: Answer): void {
    this.#lastAnswers.delete(producer);
    this.#lastAnswers.set(producer, { batch, answer });
    if (this.#lastAnswers.size <= maxProducers) return;
    const [oldest] = this.#lastAnswers.keys();
    if (oldest !== undefined) this.#lastAnswers.delete(oldest);
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

/** The body as text; undefined when it is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > maxRequestBytes) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value.slice(0, 128) : undefined;
}

function failure(status: number, code: string, error: string): Answer {
  return { status, body: { error, code } };
}

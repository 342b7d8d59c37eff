/** Publishing: events from another process into the embedded broker, each once. */
import type { OutgoingRecord, Producer } from '../../broker/broker.ts';
import { channelOfRecord, topicOfEvent } from '../../events/channel.ts';
import { checkEvent, isComplaint } from '../../events/event.ts';
import type { Answer, Submission } from '../reporting/node-api.ts';

/** Producers whose last batch is remembered, to recognise one that is sent again. */
const maxProducers = 1_024;
/** Bad lines that an answer lists. */
const maxRejected = 100;

interface Rejection {
  readonly line: number;
  readonly reason: string;
}

/**
 * Takes batches of NDJSON lines (or one JSON array) of `{"key","type","timestamp","data"}`. One per
 * node: a batch may be sent again on another connection.
 */
export class Publishing {
  readonly #producer: Producer;
  readonly #maxEventBytes: number;
  /** The newest batch of each producer; a promise, since a repeat may come before the answer. */
  readonly #newest = new Map<string, { batch: string; answer: Promise<Answer> }>();

  constructor(producer: Producer, maxEventBytes: number) {
    this.#producer = producer;
    this.#maxEventBytes = maxEventBytes;
  }

  /** Publishes one submission. Rejects with a RemoteError when the broker did not take it. */
  take({ contentType, text, producer, batch }: Submission): Promise<Answer> {
    const publish = () =>
      this.#publish(contentType === 'application/json' ? readArray(text) : readLines(text));
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
    answer.catch(() => {
      if (this.#newest.get(producer)?.answer === answer) this.#newest.delete(producer);
    });
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
  const topic = topicOfEvent(event.type, key);
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

/** Reading a part of the stream again: a consumer of its own, beside the one that never ends. */
import { RemoteError } from '../../base/errors.ts';
import type { BrokerRecord, ReadBackRequest, ReadBackResult } from '../broker.ts';
import type { NatsLink } from './link.ts';
import { NatsReader } from './reader.ts';
import type { NatsStream, StreamBounds } from './stream.ts';

/** A connection that is lost is waited for so long, in milliseconds: those who ask wait too. */
const reconnectMs = 1_000;

/** What reading back needs. */
export interface ReadBackParts {
  readonly link: NatsLink;
  readonly stream: NatsStream;
  readonly epoch: string;
  readonly namePrefix: string;
}

/** See `Broker.readBack`. */
export async function readBack(
  parts: ReadBackParts,
  request: ReadBackRequest,
): Promise<ReadBackResult> {
  const { link, stream } = parts;
  const { topic, partition, from, to, signal } = request;
  if (!stream.subjects.knows(topic) || partition !== 0) {
    throw new RemoteError(`${link.url} has no partition ${partition} of ${topic}`);
  }
  if (from >= to) return { records: [], complete: true };
  if (signal.aborted) return { records: [], complete: false };
  const patience = AbortSignal.timeout(reconnectMs);
  try {
    await link.untilConnected(AbortSignal.any([signal, patience]));
    if (signal.aborted) return { records: [], complete: false };
    if (!link.isConnected) throw new Error('the connection is lost');
    return await read(parts, request);
  } catch (error) {
    throw link.complaint(error, `reading ${topic} again`);
  }
}

async function read(parts: ReadBackParts, request: ReadBackRequest): Promise<ReadBackResult> {
  const { stream, link, namePrefix, epoch } = parts;
  const { topic, from, to, signal } = request;
  const bounds = await stream.bounds();
  if (bounds.epoch !== epoch) throw new RemoteError(`stream ${stream.name} was made anew`);
  const end = Math.min(to, bounds.high);
  if (from >= end) return { records: [], complete: from <= bounds.high && isHeld(bounds, from) };
  if (end <= bounds.low) return { records: [], complete: false };
  const taking = new Taking(request, end);
  await using reader = await NatsReader.open({
    ...{ link, stream, namePrefix },
    start: { sequence: Math.max(from, 1) },
    filter: stream.subjects.filterOf(topic),
    withHeaders: request.withHeaders,
    onRecords: (records) => taking.take(records, reader.pending),
  });
  const onAbort = () => taking.finish(false);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    else if (reader.pending === 0) taking.finish(true);
    else reader.run();
    const isAtEnd = await Promise.race([taking.finished, reader.ended]);
    return { records: taking.records, complete: isAtEnd && (await isWhole(stream, request, end)) };
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Whether everything of [from, end) was in the stream all the time that it was read. */
async function isWhole(stream: NatsStream, { from }: ReadBackRequest, end: number) {
  const bounds = await stream.bounds();
  if (!isHeld(bounds, from)) return false;
  if (bounds.deletedCount === 0) return true;
  const deleted = await stream.deleted();
  return !deleted.some((sequence) => sequence >= from && sequence < end);
}

/** Sequences begin with 1: below it there never was anything. */
function isHeld({ low }: StreamBounds, from: number): boolean {
  return from >= low || low <= 1;
}

/** Takes the records of a topic below `end`, within the limits of a request. */
class Taking {
  readonly records: BrokerRecord[] = [];
  /** Whether all was read; false when something ended it before. */
  readonly finished: Promise<boolean>;
  readonly finish: (isAtEnd: boolean) => void;
  readonly #request: ReadBackRequest;
  readonly #end: number;
  #bytes = 0;
  #isOver = false;

  constructor(request: ReadBackRequest, end: number) {
    this.#request = request;
    this.#end = end;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.finished = promise;
    this.finish = (isAtEnd) => {
      this.#isOver = true;
      resolve(isAtEnd);
    };
  }

  /** `pending` more come after these. */
  take(records: readonly BrokerRecord[], pending: number): void {
    const { topic, maxRecords, maxBytes } = this.#request;
    for (const record of records) {
      if (this.#isOver) return;
      if (record.offset >= this.#end) return this.finish(true);
      if (record.topic === topic) {
        this.#bytes += (record.key?.length ?? 0) + record.value.length;
        if (this.records.length >= maxRecords || this.#bytes > maxBytes) return this.finish(false);
        this.records.push(record);
      }
      if (record.offset === this.#end - 1) return this.finish(true);
    }
    if (pending === 0) this.finish(true);
  }
}

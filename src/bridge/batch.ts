/** The records of one send to the target: what fits of those that wait, with their marks. */
import type { BrokerRecord, OutgoingRecord } from '../broker/broker.ts';
import type { Places } from './places.ts';
import { formatPlace, formatPlaces, markOf } from './source-mark.ts';

/** Records of one send at most: after a crash, twice as many are looked up in the target. */
export const maxBatchRecords = 2_000;
/** Keys and values of one send, in bytes, well below what Kafka takes as one batch (1 MiB). */
const maxBatchBytes = 512 * 1024;

/** A record that was read; its value is text, and its topic that of the target. */
export interface Waiting {
  readonly source: Pick<BrokerRecord, 'topic' | 'partition' | 'offset'>;
  /** Whether it is to be sent; else why not. It waits all the same, to be settled in its order. */
  readonly fate: 'carry' | 'skip';
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  readonly timestampMs: number;
}

/** How many of the records that wait, from the first, make the next batch. */
export function batchLength(waiting: readonly Waiting[], limit: number): number {
  let bytes = 0;
  for (let count = 0; count < waiting.length && count < limit; count++) {
    bytes += bytesOf(waiting[count] as Waiting);
    if (count > 0 && bytes > maxBatchBytes) return count;
  }
  return Math.min(waiting.length, limit);
}

/**
 * The batch as the target gets it. The last record of each topic carries what was settled before:
 * in whatever partition a batch ended, its newest record there says so, or an older batch's does.
 */
export function markedBatch(
  batch: readonly Waiting[],
  epoch: string,
  before: Places,
  floor: Places | undefined,
): OutgoingRecord[] {
  const mark = {
    settled: formatPlaces(epoch, before),
    floor: floor === undefined ? undefined : formatPlaces(epoch, floor),
  };
  const carried = batch.filter(({ fate }) => fate === 'carry');
  const lastOfTopic = new Set(new Map(carried.map((record) => [record.topic, record])).values());
  return carried.map((record) => {
    const { topic, key, value, timestampMs, source } = record;
    const id = formatPlace(epoch, source);
    const headers = markOf(id, lastOfTopic.has(record) ? mark : undefined);
    return { topic, key, value, timestampMs, headers, id };
  });
}

/** What a record counts against {@link maxBatchBytes}. */
export function bytesOf({ key, value }: Pick<Waiting, 'key' | 'value'>): number {
  return key.length + Buffer.byteLength(value);
}

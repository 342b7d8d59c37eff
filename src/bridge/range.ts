/** Reading a range of a partition whole, however many steps that takes. */
import type { Broker, BrokerRecord } from '../broker/broker.ts';

const maxStepRecords = 2_000;
const maxStepBytes = 16 * 1024 * 1024;

/** Offsets of a partition, `to` not included. */
export interface Range {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The records of a range that the broker still holds, with headers; the caller bounds the range.
 * Rejects when `signal` is aborted.
 */
export async function readRange(
  broker: Broker,
  { topic, partition, from, to }: Range,
  signal: AbortSignal,
): Promise<BrokerRecord[]> {
  const records: BrokerRecord[] = [];
  for (let next = from; next < to; ) {
    const limits = { maxRecords: maxStepRecords, maxBytes: maxStepBytes, withHeaders: true };
    const part = await broker.readBack({ topic, partition, from: next, to, ...limits, signal });
    signal.throwIfAborted();
    records.push(...part.records);
    const last = part.records.at(-1);
    if (part.complete || last === undefined) break;
    next = last.offset + 1;
  }
  return records;
}

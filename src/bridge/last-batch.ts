/** The last batches of a predecessor, in the source: what of them is in the target, and what is not. */
import type { Broker, BrokerRecord, PartitionBounds } from '../broker/broker.ts';
import { inOrder, type Lanes } from './lanes.ts';
import type { Places } from './places.ts';
import { readRange } from './range.ts';
import { differing } from './source-changed.ts';
import { fingerprintOf, type PresentPlaces } from './target-tail.ts';

/** One partition of a lane, from what was settled up to the last record that the target has. */
export interface LastBatch extends PresentPlaces {
  /** Behind the last record that the target has. */
  readonly end: number;
  /** Records that the target does not have, in their order. */
  readonly missing: readonly BrokerRecord[];
  /** Positions that neither the target has, nor the source any more; both ends included. */
  readonly gone: readonly (readonly [from: number, to: number])[];
}

/** Where {@link findLastBatch} looks. */
export interface LastBatchRequest {
  readonly source: Broker;
  readonly lanes: Lanes;
  readonly settled: Places;
  readonly bounds: readonly PartitionBounds[];
  readonly signal: AbortSignal;
}

/** Rejects with a `SourceChanged` when the source has other records than the target got from it. */
export async function findLastBatch(
  present: PresentPlaces,
  { source, lanes, settled, bounds, signal }: LastBatchRequest,
): Promise<LastBatch> {
  const { lane, partition, offsets } = present;
  const end = Math.max(...offsets.keys()) + 1;
  const records: BrokerRecord[] = [];
  let low = 0;
  let from = 0;
  for (const topic of lanes.topicsOf(lane)) {
    const bound = bounds.find((of) => of.topic === topic && of.partition === partition);
    low = bound?.low ?? 0;
    from = settled.next(lane, partition) ?? low;
    records.push(...(await readRange(source, { topic, partition, from, to: end }, signal)));
  }
  const missing = inOrder(records).filter((record) => {
    const carried = offsets.get(record.offset);
    if (carried !== undefined && carried !== fingerprintOf(record)) throw differing(record);
    return carried === undefined;
  });
  return { ...present, end, missing, gone: gapsBetween(from, Math.min(low, end), offsets) };
}

/** What of [from, to) is not among `offsets`, which are few. */
function gapsBetween(from: number, to: number, offsets: ReadonlyMap<number, unknown>) {
  const gaps: [from: number, to: number][] = [];
  let start = from;
  for (const offset of [...offsets.keys(), to].toSorted((a, b) => a - b)) {
    const last = Math.min(offset, to) - 1;
    if (start <= last) gaps.push([start, last]);
    start = Math.max(start, offset + 1);
  }
  return gaps;
}

/** What the target's newest records say of how far earlier runs came. */
import { createHash } from 'node:crypto';
import type { Broker, BrokerRecord, PartitionBounds } from '../broker/broker.ts';
import type { Log } from '../host/log.ts';
import { type Lanes, lanesOf } from './lanes.ts';
import { Places } from './places.ts';
import { readRange } from './range.ts';
import { floorOf, settledOf, sourceOf } from './source-mark.ts';

/** Offsets looked through at once, going back from the end of a partition. */
const stepOffsets = 1_000;
const tellMs = 5_000;
/** Partitions that are looked through at the same time. */
const maxParallel = 8;

/** See {@link readTail}. */
export interface Tail {
  /** Everything below is in the target, or was when it was carried. Empty when nothing was. */
  readonly settled: Places;
  /** Of the records behind `settled`, those that are in the target: the last one or two batches. */
  readonly present: readonly PresentPlaces[];
}

/** Some offsets of one partition of a lane of the source. */
export interface PresentPlaces {
  readonly lane: string;
  readonly partition: number;
  /** With the {@link fingerprintOf} each record. */
  readonly offsets: Map<number, string>;
}

/** Of what a carried record has from its source: it is the same on both sides. */
export function fingerprintOf({ key, value }: Pick<BrokerRecord, 'key' | 'value'>): string {
  return createHash('sha256').update(`${key} `).update(value).digest('base64url');
}

/** Whose records {@link readTail} looks for. */
export interface TailRequest {
  /** Of the source. */
  readonly epoch: string;
  readonly lanes: Lanes;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Reads each partition of the target back from its end: first to the newest record that tells what
 * was settled; then, knowing that of all partitions, to the newest record from before. What it finds also tells how
 * far back there can be anything.
 */
export async function readTail(
  target: Broker,
  { epoch, lanes, log, signal }: TailRequest,
): Promise<Tail> {
  const floor = new Places();
  const targetLanes = lanesOf(target, []);
  const floorAt = ({ topic, partition, low }: PartitionBounds) =>
    Math.max(low, floor.next(targetLanes.of(topic), partition) ?? 0);
  const walk = { broker: target, signal, floorAt, progress: new Progress(log) };
  const partitions = (await target.bounds()).filter(({ low, high }) => low < high);
  const settled = new Places();
  await each(partitions, async (bounds) => {
    await goBack(walk, bounds, (records) => {
      const newest = records.findLast(({ headers }) => settledOf(headers, epoch) !== undefined);
      if (newest === undefined) return true;
      settled.raiseAll(settledOf(newest.headers, epoch) as Places);
      floor.raiseAll(floorOf(newest.headers, epoch) ?? new Places());
      return false;
    });
  });
  const present = new Map<string, PresentPlaces>();
  await each(partitions, async (bounds) => {
    await goBack(walk, bounds, (records) => {
      let isWanted = true;
      for (const record of records.toReversed()) {
        const place = sourceOf(record.headers, epoch);
        if (place === undefined) continue;
        const { topic, partition, offset } = place;
        const lane = lanes.of(topic);
        isWanted = offset >= (settled.next(lane, partition) ?? 0);
        if (!isWanted) break;
        const known = present.get(`${lane}/${partition}`);
        const { offsets } = known ?? { offsets: new Map<number, string>() };
        if (known === undefined) present.set(`${lane}/${partition}`, { lane, partition, offsets });
        offsets.set(offset, fingerprintOf(record));
      }
      return isWanted;
    });
  });
  return { settled, present: [...present.values()] };
}

interface Walk {
  readonly broker: Broker;
  /** Where to stop; it may rise meanwhile. */
  readonly floorAt: (bounds: PartitionBounds) => number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Says now and then how far it is: where others write too, their records are looked through as well. */
class Progress {
  readonly #log: Log;
  #records = 0;
  #toldMs = performance.now();

  constructor(log: Log) {
    this.#log = log;
  }

  count(records: number): void {
    this.#records += records;
    if (performance.now() - this.#toldMs < tellMs) return;
    this.#toldMs = performance.now();
    this.#log.info({ records: this.#records }, 'looking through the target for what was carried');
  }
}

/** Hands a partition over from its end to its start, in steps, until `wantsMore` says no. */
async function goBack(
  { broker, signal, floorAt, progress }: Walk,
  bounds: PartitionBounds,
  wantsMore: (records: readonly BrokerRecord[]) => boolean,
): Promise<void> {
  const { topic, partition, high } = bounds;
  for (let to = high; to > floorAt(bounds); to -= stepOffsets) {
    const from = Math.max(floorAt(bounds), to - stepOffsets);
    const range = { topic, partition, from, to };
    const records = await readRange(broker, range, signal);
    progress.count(records.length);
    if (!wantsMore(records)) return;
  }
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: maxParallel }, worker));
}

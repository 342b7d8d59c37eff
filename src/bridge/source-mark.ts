/** What a carried record says of where it came from, in its headers. */
import type { Headers } from '../broker/broker.ts';
import { Places } from './places.ts';

/** Header with the record's own place in the source: `epoch/topic/partition/offset`. */
const sourceHeader = 'odin-source';
/** Header with the places up to which the target held everything before this batch was sent. */
const settledHeader = 'odin-settled';

/** Header with the ends of the target's partitions then, or some time before that. */
const floorHeader = 'odin-floor';

/** A place in the source's log. */
export interface SourcePlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** A place in words that are the same in every run: also the id of the record that came from it. */
export function formatPlace(epoch: string, { topic, partition, offset }: SourcePlace): string {
  return `${epoch}/${topic}/${partition}/${offset}`;
}

/** What the last record of each topic of a batch tells beside its place. */
export interface BatchMark {
  readonly settled: string;
  readonly floor: string | undefined;
}

/** The headers of a carried record. */
export function markOf(place: string, batch: BatchMark | undefined): Headers {
  return {
    [sourceHeader]: place,
    ...(batch === undefined ? {} : { [settledHeader]: batch.settled }),
    ...(batch?.floor === undefined ? {} : { [floorHeader]: batch.floor }),
  };
}

/** Where a record came from; undefined when no bridge from a source of this epoch carried it. */
export function sourceOf(headers: Headers | undefined, epoch: string): SourcePlace | undefined {
  const parts = headers?.[sourceHeader]?.split('/') ?? [];
  const [ofEpoch, topic, partition, offset] = parts;
  if (parts.length !== 4 || ofEpoch !== epoch || topic === undefined) return undefined;
  const place = { topic, partition: Number(partition), offset: Number(offset) };
  return isCount(place.partition) && isCount(place.offset) ? place : undefined;
}

/** `epoch lane/0=17,1=4;lane/0=2`: short, as a batch carries it several times. */
export function formatPlaces(epoch: string, places: Places): string {
  const lanes = Map.groupBy(places.all(), ({ lane }) => lane);
  const texts = [...lanes].map(([lane, ofLane]) => {
    return `${lane}/${ofLane.map(({ partition, next }) => `${partition}=${next}`).join()}`;
  });
  return `${epoch} ${texts.join(';')}`;
}

/** What was settled before the batch; undefined when there is none, or it is of another epoch. */
export function settledOf(headers: Headers | undefined, epoch: string): Places | undefined {
  return readPlaces(headers?.[settledHeader], epoch);
}

/** Below it, the target has nothing that was not settled before the batch; else as `settledOf`. */
export function floorOf(headers: Headers | undefined, epoch: string): Places | undefined {
  return readPlaces(headers?.[floorHeader], epoch);
}

function readPlaces(text: string | undefined, epoch: string): Places | undefined {
  if (text === undefined || !text.startsWith(`${epoch} `)) return undefined;
  const places = new Places();
  for (const [, lane, list] of text.slice(epoch.length + 1).matchAll(/([^;/]+)\/([^;]+)/g)) {
    for (const [, partition, next] of (list as string).matchAll(/(\d+)=(\d+)/g)) {
      places.raise(lane as string, Number(partition), Number(next));
    }
  }
  return places;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

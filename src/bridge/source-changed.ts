/** A source that is no longer the one that was carried: going on would pass its new records over. */
import { RemoteError } from '../base/errors.ts';
import type { SourcePlace } from './source-mark.ts';

/** Ends a bridge for good: no other try helps. */
export class SourceChanged extends RemoteError {}

const hint =
  'it was made anew, or lost its end in a crash: carry it into topics or a stream of its own (--to-prefix, JS_STREAM_NAME)';

const nameOf = ({ topic, partition }: Omit<SourcePlace, 'offset'>) => `${topic}/${partition}`;

/** The source ends at `high`, before what was carried from it. */
export function shrunk(topic: string, partition: number, high: number, next: number) {
  return new SourceChanged(
    `${nameOf({ topic, partition })} of the source ends at ${high}, and the target holds it up to ${next}`,
    { hint },
  );
}

/** The source gave out the position of a record that was taken before. */
export function reused(place: SourcePlace) {
  return new SourceChanged(
    `${nameOf(place)} of the source went back to ${place.offset}, which was read before`,
    { hint },
  );
}

/** The target holds another record as the one from this place. */
export function differing(place: SourcePlace) {
  return new SourceChanged(
    `${nameOf(place)} of the source has another record at ${place.offset} than was carried`,
    { hint },
  );
}

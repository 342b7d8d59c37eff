/** Places to start at, one for each topic, in a stream where all topics share their positions. */
import { topics } from '../../events/categories.ts';
import type { BrokerRecord, ConsumeOptions } from '../broker.ts';

/** What `ConsumeOptions.startAt` asks for. */
export class Starts {
  /** Where to read from so that no topic misses what it wants. */
  readonly first: number;
  /** The furthest place asked for; without any, where recent records begin. */
  readonly seen: number;
  readonly #startAt: NonNullable<ConsumeOptions['startAt']>;
  readonly #recent: number;

  /** Topics without a place start at `recent`. */
  constructor(startAt: NonNullable<ConsumeOptions['startAt']>, recent: number) {
    this.#startAt = startAt;
    this.#recent = recent;
    const given = topics.map((topic) => startAt(topic, 0));
    this.first = Math.min(...given.map((place) => place ?? recent));
    const places = given.filter((place) => place !== undefined);
    this.seen = places.length === 0 ? recent : Math.max(...places);
  }

  /** Without the records before the places of their topics; from `goal` on, all are wanted. */
  wanted(records: readonly BrokerRecord[], goal: number): readonly BrokerRecord[] {
    if (records[0] === undefined || records[0].offset >= goal) return records;
    return records.filter(
      ({ topic, offset }) => offset >= (this.#startAt(topic, 0) ?? this.#recent),
    );
  }
}

/** What shares one sequence of positions in the source: a topic of Kafka, or a whole stream of NATS. */
import type { Broker, BrokerRecord } from '../broker/broker.ts';

/** The lanes of one source. Within a partition of a lane, positions order all records. */
export interface Lanes {
  /** The lane of a topic. */
  readonly of: (topic: string) => string;
  /** The topics of a lane. */
  readonly topicsOf: (lane: string) => readonly string[];
}

/** How the topics of a broker share positions. */
export function lanesOf({ kind }: Pick<Broker, 'kind'>, topics: readonly string[]): Lanes {
  if (kind !== 'nats') return { of: (topic) => topic, topicsOf: (lane) => [lane] };
  return { of: () => 'stream', topicsOf: () => topics };
}

/** Records of several topics of a lane in the order of the lane. */
export function inOrder(records: readonly BrokerRecord[]): BrokerRecord[] {
  return records.toSorted((a, b) => a.offset - b.offset);
}

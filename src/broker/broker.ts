/** What odin needs from a broker, whichever it is: ordered records with positions, both ways. */

import type { Log } from '../host/log.ts';

/** What a broker takes from the node that opens it. */
export interface BrokerSettings {
  readonly log: Log;
  /** Unique among the nodes that share a broker: consumers are told apart by it. */
  readonly nodeId: string;
}

/** One record, as the broker holds it. */
export interface BrokerRecord {
  readonly topic: string;
  readonly partition: number;
  /** Position within the partition; grows, but not always by one. A safe integer. */
  readonly offset: number;
  /** Token symbol; undefined when the publisher set none. */
  readonly key: string | undefined;
  readonly value: Buffer;
  /** What its producer gave, else when the broker took it; in milliseconds since 1970. */
  readonly timestampMs: number;
  /** Only where {@link ReadBackRequest.withHeaders} asked for them. */
  readonly headers?: Headers;
}

/** What a record carries beside key and value: short texts by name. */
export type Headers = Readonly<Record<string, string>>;

/** A record on its way to the broker. */
export interface OutgoingRecord {
  readonly topic: string;
  /** Decides the partition: records of one key keep their order. */
  readonly key: string;
  readonly value: string;
  readonly timestampMs: number;
  /** A driver may drop them where nobody can ask for them (the embedded one does). */
  readonly headers?: Headers;
  /**
   * Names this record for ever: a broker that recognises repeats (JetStream does, for a while) takes
   * another one with this id for the same.
   */
  readonly id?: string;
}

/** How a producer is opened. */
export interface ProducerOptions {
  /**
   * Makes this the only producer of that name, in any process: when it is open, everything that an
   * earlier one of the name had under way is in the log for good, or never will be, and the earlier
   * one can send no more. Each `send` is then one unit: where the broker has transactions, all of
   * its records are in the log, or none. Such a producer does not mend failures: it fails for good.
   */
  readonly exclusiveAs?: string;
}

/**
 * Sends records. Order is kept per key, also across calls that overlap. Disposing it rejects what is
 * under way, which the broker may have or not: whoever wants to know waits for it before.
 */
export interface Producer extends AsyncDisposable {
  /**
   * Resolves when the broker holds all of `records` durably, each exactly once.
   * Rejects with a RemoteError when it gave up on them.
   */
  send(records: readonly OutgoingRecord[]): Promise<void>;
}

/** What a consumer knows about its place in the log. */
export interface ConsumerState {
  readonly connected: boolean;
  readonly paused: boolean;
  /** Records in the broker that were not handed over yet. */
  readonly lagRecords: number;
  /** The newest problem with the broker, cleared when it is connected again. */
  readonly lastError: string | undefined;
}

/** What {@link Broker.consume} is asked to do. */
export interface ConsumeOptions {
  /** Start with the records that the broker received at most this long ago, in milliseconds. */
  readonly lookbackMs: number;
  /**
   * Start instead at this offset of a partition (undefined: as `lookbackMs` says), and report what
   * the broker no longer holds from there on as lost.
   */
  readonly startAt?: (topic: string, partition: number) => number | undefined;
  /**
   * Takes records, in the order of their partition, never one twice and never past one that the
   * broker still holds. Called synchronously; it must not throw.
   */
  readonly onRecords: (records: readonly BrokerRecord[]) => void;
  /**
   * Told when records between two positions are gone from the broker before they could be read
   * (retention overtook a slow or disconnected consumer). `from` and `to` are inclusive.
   */
  readonly onLost: (lost: LostRange) => void;
}

/** Positions that a consumer had to skip because the broker no longer holds them. */
export interface LostRange {
  /** Undefined where all topics share their positions: any of them may have lost records. */
  readonly topic: string | undefined;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** A running consumer of every partition. Disposing it leaves nothing of it in the broker. */
export interface Consumption extends AsyncDisposable {
  /** Resolves when everything that the broker held at the start has been handed over. */
  readonly caughtUp: Promise<void>;
  /** Stops handing records over; they wait in the broker. */
  pause(): void;
  resume(): void;
  state(): ConsumerState;
  /** Offset of the next record to be handed over; undefined for a partition it does not read. */
  position(topic: string, partition: number): number | undefined;
  /** Where it is in each partition that it reads. */
  places(): PartitionPlace[];
}

/** Where a consumer is in a partition. */
export interface PartitionPlace {
  /** On NATS the stream, which holds all topics. */
  readonly topic: string;
  readonly partition: number;
  /** Offset of the next record to be handed over. */
  readonly next: number;
  /** Offset that the next record of the broker will get, as far as is known. */
  readonly high: number;
}

/** The offsets that a partition holds now. */
export interface PartitionBounds {
  readonly topic: string;
  readonly partition: number;
  /** The oldest record still held is here or behind. */
  readonly low: number;
  /** What the next record will get, or less. */
  readonly high: number;
}

/** A topic as it should be, or as it is; on NATS, the stream that holds all topics. */
export interface TopicDescription {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** How long records are kept, in milliseconds; -1 for ever. */
  readonly retentionMs: number;
  /** Only of a stream. */
  readonly stream?: StreamDescription;
}

/** What a stream has beside what a topic has; limits of -1 are none. */
export interface StreamDescription {
  readonly maxRecords: number;
  readonly maxBytes: number;
  /** `file` or `memory`. */
  readonly storage: string;
  /** What it takes in: `odin.token.>`. */
  readonly subjects: readonly string[];
}

/** What {@link Broker.createTopics} did about one topic. */
export interface TopicOutcome {
  readonly topic: string;
  /** `changed`: it did differ, and does no more. */
  readonly outcome: 'created' | 'exists' | 'differs' | 'changed';
  /** Each difference in words, `partitions: 6, wanted 12`; of `changed`, those that were. */
  readonly differences: readonly string[];
  /** Of one that differs: whether odin can change something of it. */
  readonly isChangeable?: boolean;
  /** What changing it means for those who use the topic, or why it cannot be changed. */
  readonly notes?: readonly string[];
}

/** What {@link Broker.createTopics} may do beside creating. */
export interface CreateOptions {
  /** Change what differs, as far as no record is lost by it that the wanted state would keep. */
  readonly change?: boolean;
}

/** Which records to read again; see {@link Broker.readBack}. */
export interface ReadBackRequest {
  readonly topic: string;
  readonly partition: number;
  /** First offset wanted. */
  readonly from: number;
  /** The offset behind the last one wanted. */
  readonly to: number;
  readonly maxRecords: number;
  /** Of keys and values together. */
  readonly maxBytes: number;
  /** Whether records are to come with their headers. */
  readonly withHeaders?: boolean;
  /** Ends the reading; what was read by then is the result. */
  readonly signal: AbortSignal;
}

/** What was read again. */
export interface ReadBackResult {
  /** In the order of the partition, beginning with the oldest. */
  readonly records: readonly BrokerRecord[];
  /**
   * True when every record of [from, to) that ever existed is in `records`: nothing was removed by
   * retention, no limit was hit, and `from` is not beyond the end of the log, where it would belong
   * to another one. Offsets that never carried a record (compaction, markers) do not matter.
   */
  readonly complete: boolean;
}

/** A connection to a broker. Disposing it closes everything that was opened through it. */
export interface Broker extends AsyncDisposable {
  readonly kind: 'embedded' | 'kafka' | 'nats';
  /** Changes when offsets start anew, so positions of another log are not mistaken for this one's. */
  readonly epoch: string;
  /** How what the broker has differs from what the configuration asks for: one sentence each. */
  readonly differences: readonly string[];
  /** What went wrong with the connection since it was opened, by kind: a closed set of names. */
  readonly troubles: ReadonlyMap<string, number>;
  openProducer(options?: ProducerOptions): Promise<Producer>;
  consume(options: ConsumeOptions): Promise<Consumption>;
  /**
   * Reads records again that were read before, beside whatever {@link consume} does. Rejects with a
   * RemoteError when the partition does not exist or the broker does not answer.
   */
  readBack(request: ReadBackRequest): Promise<ReadBackResult>;
  /** The partition that the records of a key go to; undefined for a topic that odin does not use. */
  partitionOf(topic: string, key: string): Promise<number | undefined>;
  /** What each partition of the topics that odin uses holds now. */
  bounds(): Promise<PartitionBounds[]>;
  /**
   * Creates what is missing, and says how what exists differs; changes that only when told to.
   * What comes back as `differs` with `change` could not be changed. On NATS one stream holds all
   * topics: the configuration says how it is to be, and `wanted` how many copies it has.
   */
  createTopics(
    wanted: readonly TopicDescription[],
    options?: CreateOptions,
  ): Promise<TopicOutcome[]>;
  /** The topics that odin uses and the broker has; on NATS, the stream. */
  listTopics(): Promise<TopicDescription[]>;
}

/** What odin needs from a broker, whichever it is: ordered records with positions, both ways. */

/** One record, as the broker holds it. */
export interface BrokerRecord {
  readonly topic: string;
  readonly partition: number;
  /** Position within the partition; grows, but not always by one. A safe integer. */
  readonly offset: number;
  /** Token symbol; undefined when the publisher set none. */
  readonly key: string | undefined;
  readonly value: Buffer;
  /** The broker's time for the record, in milliseconds since 1970. */
  readonly timestampMs: number;
}

/** A record on its way to the broker. */
export interface OutgoingRecord {
  readonly topic: string;
  /** Decides the partition: records of one key keep their order. */
  readonly key: string;
  readonly value: string;
  readonly timestampMs: number;
}

/** Sends records. Order is kept per key, also across calls that overlap. */
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
  readonly topic: string;
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
}

/** A topic as it should be, or as it is. */
export interface TopicDescription {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** How long records are kept, in milliseconds; -1 for ever. */
  readonly retentionMs: number;
}

/** What {@link Broker.createTopics} did about one topic. */
export interface TopicOutcome {
  readonly topic: string;
  readonly outcome: 'created' | 'exists' | 'differs';
  /** For `differs`: each difference in words, `partitions: 6, wanted 12`. */
  readonly differences: readonly string[];
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
  readonly kind: 'embedded' | 'kafka';
  /** Changes when offsets start anew, so positions of another log are not mistaken for this one's. */
  readonly epoch: string;
  openProducer(): Promise<Producer>;
  consume(options: ConsumeOptions): Promise<Consumption>;
  /**
   * Reads records again that were read before, beside whatever {@link consume} does. Rejects with a
   * RemoteError when the partition does not exist or the broker does not answer.
   */
  readBack(request: ReadBackRequest): Promise<ReadBackResult>;
  /** The partition that the records of a key go to; undefined for a topic that odin does not use. */
  partitionOf(topic: string, key: string): Promise<number | undefined>;
  /** Creates what is missing; changes nothing that exists. */
  createTopics(wanted: readonly TopicDescription[]): Promise<TopicOutcome[]>;
  /** The topics that odin uses and the broker has. */
  listTopics(): Promise<TopicDescription[]>;
}

/** Sections of the status report that are made only for those who ask: lists, and the machine. */

/** What `/api/status?sections=` takes, separated by commas. */
export const statusSections = ['channels', 'clients', 'partitions', 'machine'] as const;

/** One of {@link statusSections}. */
export type StatusSection = (typeof statusSections)[number];

/** Whether a text names a section. */
export function isStatusSection(text: string): text is StatusSection {
  return statusSections.some((section) => section === text);
}

/** Rows that a {@link Listing} has at most. */
export const maxListed = 100;

/** The first of a sorted list. */
export interface Listing<Row> {
  /** At most {@link maxListed}. */
  readonly rows: readonly Row[];
  /** How many more there are. */
  readonly left_out: number;
}

/** What was asked for; the rest is missing. */
export interface StatusSections {
  /** Channels with an event in the last seconds, those with most events first. */
  readonly channels?: Listing<ChannelStatus> & {
    /** What the rates are of. */
    readonly window_s: number;
  };
  /** Clients that lag or are spared events, those that lag most first. */
  readonly clients?: Listing<SlowClientStatus>;
  /** What this node reads, partitions that lag most first. */
  readonly partitions?: Listing<PartitionStatus>;
  readonly machine?: MachineStatus;
}

/** A channel that carries events. */
export interface ChannelStatus {
  readonly channel: string;
  readonly events_per_s: number;
  /** Clients that get it, by whatever subscription. */
  readonly subscribers: number;
}

/** A client that does not keep up. */
export interface SlowClientStatus {
  readonly client: string;
  /** Null where clients need no token. */
  readonly user: string | null;
  /** As it came in; behind a proxy, that of the proxy. Null when it is gone. */
  readonly address: string | null;
  /** What it has subscribed to: names, wildcards. */
  readonly subscriptions: number;
  /** Whether its socket is full now. */
  readonly behind: boolean;
  /** 0 nothing is spared, to 3. */
  readonly throttle: number;
  /** Events of the history that it has not been sent; not all are of its channels. */
  readonly lag_events: number;
  readonly lag_ms: number;
  readonly buffered_bytes: number;
}

/** A partition of the broker; on NATS there is one, the stream. */
export interface PartitionStatus {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the next record that this node will take. */
  readonly next: number;
  /** Offset that the next record of the broker will get, as far as is known. */
  readonly high: number;
  readonly lag_records: number;
}

/** The machine that the answering process runs on. */
export interface MachineStatus {
  readonly name: string;
  /** Operating system and Node: `linux 6.1.0 x64, node 24.1.0`. */
  readonly system: string;
  readonly cpus: number;
  /** Time that all its processors were busy and idle since it started, in milliseconds. */
  readonly cpu_busy_ms: number;
  readonly cpu_idle_ms: number;
  /** Of the last minute; 0 where the system does not count it. */
  readonly load: number;
  readonly memory_bytes: number;
  readonly memory_free_bytes: number;
}

/** Reading: the half of the server that has the broker, from its records to the history. */
import { performance } from 'node:perf_hooks';
import type { Broker, ConsumerState, Consumption, PartitionPlace } from '../../broker/broker.ts';
import type { Config } from '../../config/schema.ts';
import type { Log } from '../../host/log.ts';
import type { Channels } from '../delivery/channels.ts';
import type { History } from '../delivery/history.ts';
import { BrokerEvents, type OlderEvents } from '../recovery/older-events.ts';
import { ReadBack } from '../recovery/read-back.ts';
import type { Counters } from '../reporting/counters.ts';
import type { BrokerHold } from './broker-hold.ts';
import { Ingest } from './ingest.ts';

/** Channels whose last position is remembered; about 300 bytes each. */
export const maxChannels = 200_000;

const notYetConnected: ConsumerState = {
  connected: false,
  paused: false,
  lagRecords: 0,
  lastError: 'connecting',
};

/** What reading is built on. */
export interface ReadingParts {
  readonly broker: Broker;
  readonly history: History;
  readonly channels: Channels;
  readonly counters: Counters;
  readonly log: Log;
}

/** One per node. Disposing it leaves the broker's topics; the broker itself is the caller's. */
export class Reading implements AsyncDisposable {
  /** What the history does not hold. */
  readonly older: OlderEvents;
  readonly #broker: Broker;
  readonly #ingest: Ingest;
  readonly #readBack: ReadBack;
  readonly #lookbackMs: number;
  readonly #log: Log;
  #consumption: Consumption | undefined;
  #liveSinceMs: number | undefined;

  /** `sink` gets every frame that comes into the history. */
  constructor(
    config: Config['server'],
    { broker, history, channels, counters, log }: ReadingParts,
    sink: ConstructorParameters<typeof Ingest>[2],
  ) {
    this.#broker = broker;
    this.#log = log;
    this.#lookbackMs = config.historyMs;
    this.#ingest = new Ingest(history, channels, sink, counters, log, config.maxEventBytes);
    this.#readBack = new ReadBack(broker, config.recovery, counters, log);
    const consumption = () => this.#consumption;
    const readBack = this.#readBack;
    this.older = new BrokerEvents({
      ...{ history, channels, broker, consumption, readBack, counters },
    });
  }

  /** How it goes. */
  state(): ConsumerState {
    return this.#consumption?.state() ?? notYetConnected;
  }

  /** Where it is in each partition; empty before it began. */
  places(): readonly PartitionPlace[] {
    return this.#consumption?.places() ?? [];
  }

  /**
   * When all that the broker held at the start had been read, on the clock of {@link History};
   * undefined before.
   */
  get liveSinceMs(): number | undefined {
    return this.#liveSinceMs;
  }

  /**
   * Begins with what the broker received in the time that the history covers; resolves when that
   * has been asked for. `took` hears how many records each batch had. Throws a RemoteError when the
   * broker cannot be read.
   */
  async start(hold: BrokerHold, took: (records: number) => void): Promise<void> {
    this.#consumption = await this.#broker.consume({
      lookbackMs: this.#lookbackMs,
      onRecords: (records) => {
        this.#ingest.take(records);
        took(records.length);
      },
      onLost: (range) => this.#ingest.lost(range),
    });
    void this.#consumption.caughtUp.then(() => {
      this.#liveSinceMs = performance.now();
    });
    hold.attach(this.#consumption);
    for (const difference of this.#broker.differences) {
      this.#log.warn(`${difference}; \`odin topics create --yes\` changes it`);
    }
  }

  /** Resolves when everything that the broker held at the start is in the history. */
  get caughtUp(): Promise<void> {
    return this.#consumption?.caughtUp ?? Promise.reject(new Error('reading was not started'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#readBack.stop();
    await this.#consumption?.[Symbol.asyncDispose]();
  }
}

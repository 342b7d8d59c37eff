/** Reading from Kafka: every partition, from positions of our own, through whatever happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { type Backoff, backoffMs } from '../../base/backoff.ts';
import { messageOf, RemoteError } from '../../base/errors.ts';
import { whileAnswered, within } from '../../base/time-limit.ts';
import type { Log } from '../../host/log.ts';
import type { ConsumeOptions, ConsumerState, Consumption, PartitionPlace } from '../broker.ts';
import { type KafkaClients, protocolErrorType } from './client.ts';
import { type Place, Positions, type Trouble } from './positions.ts';
import { KafkaReader } from './reader.ts';
import { fetchBounds, fetchStarts, type PartitionStart, requireTopics } from './topics.ts';

const restartBackoff: Backoff = { baseMs: 250, maxMs: 2_000 };
/** How often the broker is asked for its bounds, in milliseconds: tells loss, lag and retention. */
const probeMs = 2_000;
/** An answer to that takes at most this long. */
const probeTimeoutMs = 3_000;
/** Less than a probe may take, so that it ends with what the broker says: a topic may be gone. */
const probePatienceMs = 2_000;
/** Joining waits for a predecessor of the same name to be declared dead. */
const openTimeoutMs = 30_000;
/** A reader that does nothing for so long, with the broker answering, is replaced. */
const stuckMs = 20_000;
const closeMs = 3_000;
/** A broker that answers nothing for so long, in milliseconds, does not hold up the end. */
const silenceMs = 1_000;
/** What a broker says whose groups come up, after its start or at the first group it ever has. */
const startingUp = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
]);

/** What a consumption takes from its broker. */
export interface KafkaConsumptionParts {
  readonly clients: KafkaClients;
  /** Stays open as long as the broker. */
  readonly admin: Admin;
  readonly log: Log;
  readonly topics: readonly string[];
  readonly groupId: string;
}

/** Keeps a {@link KafkaReader} running for ever, and knows how things stand. */
export class KafkaConsumption implements Consumption {
  readonly #options: ConsumeOptions;
  readonly #parts: KafkaConsumptionParts;
  readonly #closing = new AbortController();
  #positions = new Positions([]);
  #reader: KafkaReader | undefined;
  #running: Promise<unknown> | undefined;
  #isPaused = false;
  #isBrokerThere = true;
  #lastError: string | undefined;
  /**
   * When the broker was last asked and held what was read from it, in milliseconds since 1970: a
   * probe earlier, as clocks differ.
   */
  #soundMs = Date.now();

  constructor(options: ConsumeOptions, parts: KafkaConsumptionParts) {
    this.#options = options;
    this.#parts = parts;
  }

  get caughtUp(): Promise<void> {
    return this.#positions.caughtUp;
  }

  /** Starts reading. Rejects with a RemoteError when topics are missing or the group is refused. */
  async open(): Promise<void> {
    const { admin, clients, topics } = this.#parts;
    const sinceMs = Date.now() - this.#options.lookbackMs;
    try {
      await requireTopics(admin, clients.url, topics);
      const starts = await fetchStarts(admin, topics, sinceMs);
      this.#positions = new Positions(starts.map((start) => this.#startAt(start)));
    } catch (error) {
      throw clients.complaint(error, 'reading the topics');
    }
    const joined = Promise.withResolvers<void>();
    this.#running = Promise.all([this.#keepReading(joined), this.#keepProbing()]);
    const late = () => new RemoteError(`cannot join group ${this.#parts.groupId}`);
    try {
      await within(openTimeoutMs, joined.promise, late);
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw clients.complaint(error, 'joining the consumer group');
    }
  }

  pause(): void {
    this.#isPaused = true;
    this.#reader?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#reader?.resume();
  }

  state(): ConsumerState {
    return {
      connected: this.#isBrokerThere && this.#reader?.isJoined === true,
      paused: this.#isPaused,
      lagRecords: this.#positions.lagRecords(),
      lastError: this.#lastError,
    };
  }

  position(topic: string, partition: number): number | undefined {
    return this.#positions.find(topic, partition)?.next;
  }

  places(): PartitionPlace[] {
    return Array.from(this.#positions.all(), ({ topic, partition, next, high }) => {
      return { topic, partition, next, high };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#reader?.end();
    const { admin } = this.#parts;
    await whileAnswered(silenceMs, () => admin.describeCluster(), this.#leave());
    this.#positions.giveUp();
  }

  async #leave(): Promise<void> {
    await this.#running;
    if (this.#isBrokerThere) await this.#deleteGroup();
  }

  /** Where the options want a partition to be read from. */
  #startAt(found: PartitionStart): PartitionStart {
    const { topic, partition, low, high } = found;
    const wanted = this.#options.startAt?.(topic, partition);
    if (wanted === undefined) return found;
    if (wanted < low) this.#options.onLost({ topic, partition, from: wanted, to: low - 1 });
    return { ...found, start: Math.min(Math.max(wanted, low), high) };
  }

  /** One reader after another; `joined` hears of the first. */
  async #keepReading(joined: PromiseWithResolvers<void>): Promise<void> {
    const { signal } = this.#closing;
    const { log } = this.#parts;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const reader = this.#createReader();
      this.#reader = reader;
      const started = reader.run().then(() => {
        attempt = 0;
        this.#lastError = undefined;
        joined.resolve();
      });
      try {
        await started;
        await reader.ended;
      } catch (error) {
        if (!startingUp.has(protocolErrorType(error) ?? '')) joined.reject(error);
        this.#lastError = messageOf(error);
        // While the broker is away, that has been said.
        const level = this.#isBrokerThere ? 'warn' : 'debug';
        if (!signal.aborted)
          log[level]({ error: this.#lastError }, 'reading stopped, trying again');
      }
      await reader[Symbol.asyncDispose]();
      await sleep(backoffMs(attempt, restartBackoff), undefined, { signal }).catch(() => {});
    }
  }

  #createReader(): KafkaReader {
    const { clients, admin, log, topics, groupId } = this.#parts;
    const reader: KafkaReader = new KafkaReader({
      kafka: clients.create({
        requestTimeoutMs: 10_000,
        retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 8 },
      }),
      topics,
      groupId,
      positions: this.#positions,
      log,
      ...this.#options,
      isPaused: () => this.#isPaused,
      fetchLow: async (topic, partition) => {
        const bounds = await within(
          probeTimeoutMs,
          fetchBounds(admin, [topic], probePatienceMs),
          slowBroker,
        );
        return bounds.find((bound) => bound.partition === partition)?.low ?? 0;
      },
    });
    return reader;
  }

  async #keepProbing(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await sleep(probeMs, undefined, { signal }).catch(() => {});
      if (!signal.aborted) await this.#probe();
    }
  }

  async #probe(): Promise<void> {
    const { admin, topics, log } = this.#parts;
    const askedMs = Date.now();
    try {
      const asking = fetchBounds(admin, topics, probePatienceMs);
      const bounds = await within(probeTimeoutMs, asking, slowBroker);
      if (this.#closing.signal.aborted) return;
      if (!this.#isBrokerThere) log.info('broker is back');
      this.#isBrokerThere = true;
      if (this.#reader?.isJoined === true) this.#lastError = undefined;
      const troubles = this.#positions.compare(bounds);
      for (const trouble of troubles) await this.#mend(trouble);
      if (this.#positions.isSound) this.#soundMs = askedMs - probeMs;
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#lastError = messageOf(await this.#nameMissingTopics(error));
      if (this.#isBrokerThere) log.warn({ error: this.#lastError }, 'broker does not answer');
      this.#isBrokerThere = false;
      return;
    }
    if (this.#reader !== undefined && this.#reader.idleMs() > stuckMs) {
      this.#reader.fail(new Error('the consumer stands still'));
    }
  }

  /** Kafka says of a deleted topic only that it is not there, not which one it is. */
  async #nameMissingTopics(error: unknown): Promise<unknown> {
    if (protocolErrorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') return error;
    const { admin, clients, topics } = this.#parts;
    const check = within(probeTimeoutMs, requireTopics(admin, clients.url, topics), slowBroker);
    return await check.then(
      () => error,
      (missing: unknown) => missing,
    );
  }

  /** A place that is off what the broker holds, with no batch to show it. */
  async #mend({ place, kind, low }: Trouble): Promise<void> {
    if (this.#isPaused) return;
    if (kind === 'overtaken') {
      this.#options.onLost(this.#positions.lost(place, low));
      this.#move(place, low);
      return;
    }
    // The topic was made anew, or a failing broker lost its end. Either way the same offsets now
    // mean other records: what the broker received since all was well has not been read yet.
    const starts = await fetchStarts(this.#parts.admin, [place.topic], this.#soundMs);
    const start = starts.find(({ partition }) => partition === place.partition);
    if (start === undefined || start.high >= place.next) return;
    const { topic, partition, next } = place;
    const to = start.start;
    this.#parts.log.error({ topic, partition, from: next, to }, 'partition shrank, going back');
    this.#move(place, to);
    place.high = start.high;
  }

  #move(place: Place, next: number): void {
    this.#positions.move(place, next);
    this.#reader?.seek(place);
  }

  async #deleteGroup(): Promise<void> {
    const { admin, groupId, log } = this.#parts;
    const attempt = async () => {
      // The broker may still be taking note that the group's only member has left.
      await admin.deleteGroups([groupId]).catch(async () => {
        await sleep(300);
        await admin.deleteGroups([groupId]);
      });
    };
    await within(closeMs, attempt(), slowBroker).catch((error: unknown) => {
      log.debug({ groupId, error: messageOf(error) }, 'consumer group was not deleted');
    });
  }
}

function slowBroker(): Error {
  return new Error(`the broker did not answer within ${probeTimeoutMs}ms`);
}

/** Reading a part of a partition again: fetches of its own, beside the consumer and its group. */
import { once } from 'node:events';
import { type Admin, type KafkaMessage, Partitioners } from 'kafkajs';
import { RemoteError } from '../../base/errors.ts';
import type { BrokerRecord, Headers, ReadBackRequest, ReadBackResult } from '../broker.ts';
import { disconnect, type KafkaClients, protocolErrorType } from './client.ts';
import { createCluster, fetchFrom, type KafkaCluster, type KafkaNode } from './cluster.ts';
import { recordFrom } from './reader.ts';
import { fetchBounds, missingTopics } from './topics.ts';

/** One fetch brings about this much, in bytes as the broker stores them. */
const maxFetchBytes = 1024 * 1024;
const requestTimeoutMs = 5_000;
/** New partitions and leaders are noticed within this time, in milliseconds. */
const metadataMs = 10_000;
/** A fetch that fails is tried again so often, with the leader looked up anew. */
const maxRetries = 2;
const closeMs = 3_000;

interface ReadBackParts {
  readonly clients: KafkaClients;
  /** Stays open as long as the broker. */
  readonly admin: Admin;
  readonly topics: readonly string[];
}

/** Where a reading stands. */
interface Progress {
  readonly records: BrokerRecord[];
  bytes: number;
  next: number;
  isWhole: boolean;
}

/**
 * A consumer of kafkajs can only read as a member of a group, and joining one takes as long as
 * `group.initial.rebalance.delay.ms` says, 3 s by default. So this fetches from the partition's
 * leader itself, over connections that are opened at the first use.
 */
export class KafkaReadBack implements AsyncDisposable {
  readonly #parts: ReadBackParts;
  readonly #choosePartition = Partitioners.DefaultPartitioner();
  readonly #turns = new WeakMap<KafkaNode, Promise<void>>();
  #opening: Promise<KafkaCluster> | undefined;

  constructor(parts: ReadBackParts) {
    this.#parts = parts;
  }

  /** See `Broker.readBack`. */
  async read(request: ReadBackRequest): Promise<ReadBackResult> {
    const { from, to, signal, topic } = request;
    const progress: Progress = { records: [], bytes: 0, next: from, isWhole: true };
    if (from >= to) return { records: [], complete: true };
    if (signal.aborted) return { records: [], complete: false };
    const done = new AbortController();
    try {
      const aborted = once(signal, 'abort', { signal: done.signal }).then(() => false);
      // What is read after the abort is not looked at: the records are copied below.
      const reading = this.#readAll(request, progress);
      aborted.catch(() => {});
      reading.catch(() => {});
      const isAtEnd = await Promise.race([reading, aborted]);
      return { records: [...progress.records], complete: isAtEnd && progress.isWhole };
    } catch (error) {
      this.#forgetCluster();
      throw this.#parts.clients.complaint(error, `reading ${topic} again`);
    } finally {
      done.abort();
    }
  }

  /** See `Broker.partitionOf`; the same choice as the producer makes. */
  async partitionOf(topic: string, key: string): Promise<number | undefined> {
    if (!this.#parts.topics.includes(topic)) return undefined;
    try {
      const cluster = await this.#cluster(topic);
      const partitionMetadata = cluster.findTopicPartitionMetadata(topic);
      if (partitionMetadata.length === 0) throw missingTopics(this.#parts.clients.url, [topic]);
      return this.#choosePartition({ topic, partitionMetadata, message: { key, value: null } });
    } catch (error) {
      this.#forgetCluster();
      throw this.#parts.clients.complaint(error, `looking ${topic} up`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeOpened(this.#opening);
  }

  /** Fetches until the range or the log ends; false when a limit ended it before. */
  async #readAll(request: ReadBackRequest, progress: Progress): Promise<boolean> {
    const { to, signal } = request;
    for (let failures = 0; progress.next < to && !signal.aborted; ) {
      try {
        const isOver = await this.#readOnce(request, progress);
        if (isOver !== undefined) return isOver;
      } catch (error) {
        const type = protocolErrorType(error);
        if (type === 'OFFSET_OUT_OF_RANGE') {
          if (!(await this.#skipToStart(request, progress))) return false;
        } else if (error instanceof RemoteError || ++failures > maxRetries) {
          throw error;
        } else {
          await (await this.#cluster(request.topic)).refreshMetadata();
        }
      }
    }
    return !signal.aborted;
  }

  /** One fetch; undefined when there is more to come, else whether all was read. */
  async #readOnce(request: ReadBackRequest, progress: Progress): Promise<boolean | undefined> {
    const { to, maxRecords, maxBytes, signal, withHeaders = false } = request;
    const node = await this.#leaderOf(request);
    const { batch, end } = await this.#inTurn(node, () =>
      fetchFrom(node, request, progress.next, maxFetchBytes),
    );
    if (signal.aborted) return false;
    for (const message of batch.messages) {
      if (Number(message.offset) < progress.next) continue;
      if (Number(message.offset) >= to) return true;
      const plain = recordFrom(batch, message);
      const record = withHeaders ? { ...plain, headers: headersOf(message) } : plain;
      progress.bytes += (record.key?.length ?? 0) + record.value.length;
      if (progress.records.length >= maxRecords || progress.bytes > maxBytes) return false;
      progress.records.push(record);
    }
    if (batch.rawMessages.length === 0) return progress.next >= end;
    progress.next = Math.max(progress.next, Number(batch.lastOffset())) + 1;
    return progress.next >= end ? true : undefined;
  }

  /**
   * One fetch after another: kafkajs opens a connection for each that finds none, and forgets all of
   * them but the last. A broker answers the requests of a connection one by one anyway.
   */
  async #inTurn<T>(node: KafkaNode, fetch: () => Promise<T>): Promise<T> {
    const fetching = (this.#turns.get(node) ?? Promise.resolve()).then(fetch);
    this.#turns.set(
      node,
      fetching.then(
        () => {},
        () => {},
      ),
    );
    return await fetching;
  }

  /** Goes on with the oldest record held; false when the log ends before what is wanted. */
  async #skipToStart({ topic, partition }: ReadBackRequest, progress: Progress): Promise<boolean> {
    progress.isWhole = false;
    const bounds = await fetchBounds(this.#parts.admin, [topic]);
    const low = bounds.find((bound) => bound.partition === partition)?.low ?? 0;
    if (low <= progress.next) return false;
    progress.next = low;
    return true;
  }

  async #leaderOf({ topic, partition }: ReadBackRequest): Promise<KafkaNode> {
    const cluster = await this.#cluster(topic);
    const found = cluster
      .findTopicPartitionMetadata(topic)
      .find(({ partitionId }) => partitionId === partition);
    if (found === undefined) {
      throw new RemoteError(`${this.#parts.clients.url} has no partition ${partition} of ${topic}`);
    }
    return await cluster.findBroker({ nodeId: String(found.leader) });
  }

  /** The cluster, knowing `topic`. */
  async #cluster(topic: string): Promise<KafkaCluster> {
    const { clients, topics } = this.#parts;
    if (!topics.includes(topic)) throw missingTopics(clients.url, [topic]);
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    const cluster = await this.#opening;
    await cluster.addTargetTopic(topic);
    await cluster.refreshMetadataIfNecessary();
    return cluster;
  }

  /** One that was asked about a topic that is gone since fails at everything. */
  #forgetCluster(): void {
    void closeOpened(this.#opening);
    this.#opening = undefined;
  }

  async #open(): Promise<KafkaCluster> {
    const retry = { retries: 2, initialRetryTime: 100, maxRetryTime: 500 };
    const kafka = this.#parts.clients.create({ requestTimeoutMs, retry });
    const cluster = createCluster(kafka, metadataMs);
    await cluster.connect();
    return cluster;
  }
}

/** Of a header that is there several times, the last. */
function headersOf({ headers = {} }: KafkaMessage): Headers {
  const texts = Object.entries(headers).flatMap(([name, value]) => {
    const last = Array.isArray(value) ? value.at(-1) : value;
    return last === undefined ? [] : [[name, last.toString()]];
  });
  return Object.fromEntries(texts) as Headers;
}

async function closeOpened(opening: Promise<KafkaCluster> | undefined): Promise<void> {
  const cluster = await opening?.catch(() => undefined);
  if (cluster !== undefined) await disconnect(cluster, closeMs);
}

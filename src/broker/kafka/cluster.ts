/** What kafkajs uses to fetch and does not export: its cluster, and the batch it makes of answers. */
import { createRequire } from 'node:module';
import type { Kafka, KafkaMessage, PartitionMetadata } from 'kafkajs';

/** A cluster as kafkajs sees it. The version of kafkajs is pinned, so this stays as it is. */
export interface KafkaCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** Keeps knowing a topic; rejects when it does not exist. */
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findTopicPartitionMetadata(topic: string): PartitionMetadata[];
  findBroker(node: { readonly nodeId: string }): Promise<KafkaNode>;
}

/** One broker of a cluster, connected. */
export interface KafkaNode {
  fetch(request: FetchRequest): Promise<{ readonly responses: readonly FetchAnswer[] }>;
}

interface FetchRequest {
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
}

interface FetchAnswer {
  readonly topicName: string;
  readonly partitions: readonly PartitionAnswer[];
}

/** What a broker says about one partition. */
export interface PartitionAnswer {
  readonly partition: number;
  readonly highWatermark: string;
  /** End of what is committed; -1 when the broker does not know transactions. */
  readonly lastStableOffset: string;
}

/** Records fetched, without markers and what transactions took back. */
export interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: KafkaMessage[];
  readonly rawMessages: readonly unknown[];
  /** Markers included. */
  lastOffset(): string;
}

type BatchConstructor = new (
  topic: string,
  fetchedOffset: string,
  answer: PartitionAnswer,
) => FetchedBatch;

/** Records of transactions that were taken back are not told (Kafka protocol, FetchRequest). */
const readCommitted = 1;
const createClusterName = 'private:Kafka:createCluster';

const Batch = createRequire(import.meta.url)('kafkajs/src/consumer/batch.js') as BatchConstructor;

/** A cluster with connections of its own; `metadataMaxAge` is in milliseconds. */
export function createCluster(kafka: Kafka, metadataMaxAge: number): KafkaCluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === createClusterName,
  );
  const create = (kafka as unknown as Record<symbol, (options: object) => KafkaCluster>)[symbol!];
  if (create === undefined) throw new Error('this version of kafkajs has no cluster to be found');
  return create({ metadataMaxAge, allowAutoTopicCreation: false, isolationLevel: readCommitted });
}

/** What a node holds of a partition from `offset` on, at most about `maxBytes`, without waiting. */
export async function fetchFrom(
  node: KafkaNode,
  { topic, partition }: { readonly topic: string; readonly partition: number },
  offset: number,
  maxBytes: number,
): Promise<{ readonly batch: FetchedBatch; readonly end: number }> {
  const fetchOffset = String(offset);
  const { responses } = await node.fetch({
    maxWaitTime: 0,
    minBytes: 0,
    maxBytes,
    isolationLevel: readCommitted,
    topics: [{ topic, partitions: [{ partition, fetchOffset, maxBytes }] }],
  });
  const answer = responses[0]?.partitions[0];
  if (answer === undefined) throw new Error('the broker answered a fetch with nothing');
  const stable = Number(answer.lastStableOffset);
  const end = stable >= 0 ? stable : Number(answer.highWatermark);
  return { batch: new Batch(topic, fetchOffset, answer), end };
}

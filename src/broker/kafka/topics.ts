/** Topics of a Kafka cluster: what is there, creating what is missing, and offsets in them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { RemoteError } from '../../base/errors.ts';
import { formatDuration } from '../../base/units.ts';
import { topicPrefixOf } from '../../events/categories.ts';
import type { PartitionBounds, TopicDescription, TopicOutcome } from '../broker.ts';
import { protocolErrorType } from './client.ts';

/** Of kafkajs' `ConfigResourceTypes`, which Node does not find among its named exports. */
export const topicResource = 2;

/** A partition without a leader has one again within this time, in milliseconds, or is in trouble. */
const leaderPatienceMs = 10_000;
const leaderTrouble = new Set([
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'REPLICA_NOT_AVAILABLE',
]);

/** A {@link PartitionBounds} with the place to start reading from. */
export interface PartitionStart extends PartitionBounds {
  readonly start: number;
}

/** How each of `topics` is; those that do not exist are left out. */
export async function describeTopics(
  admin: Admin,
  topics: readonly string[],
): Promise<TopicDescription[]> {
  const existing = new Set(await admin.listTopics());
  const wanted = topics.filter((topic) => existing.has(topic));
  if (wanted.length === 0) return [];
  const [metadata, configs] = await Promise.all([
    admin.fetchTopicMetadata({ topics: wanted }),
    admin.describeConfigs({
      includeSynonyms: false,
      resources: wanted.map((name) => ({
        type: topicResource,
        name,
        configNames: ['retention.ms'],
      })),
    }),
  ]);
  return wanted.map((topic) => {
    const partitions = metadata.topics.find(({ name }) => name === topic)!.partitions;
    const config = configs.resources.find(({ resourceName }) => resourceName === topic);
    return {
      topic,
      partitions: partitions.length,
      replicationFactor: partitions[0]?.replicas.length ?? 0,
      retentionMs: Number(config?.configEntries[0]?.configValue ?? Number.NaN),
    };
  });
}

/** Creates the topics that are missing and says how those that exist differ. */
export async function createTopics(
  admin: Admin,
  wanted: readonly TopicDescription[],
): Promise<TopicOutcome[]> {
  const existing = await describeTopics(
    admin,
    wanted.map(({ topic }) => topic),
  );
  const missing = wanted.filter(({ topic }) => !existing.some((found) => found.topic === topic));
  if (missing.length > 0) {
    await admin.createTopics({
      // kafkajs would give up at once when the cluster does not show them yet.
      waitForLeaders: false,
      topics: missing.map((topic) => ({
        topic: topic.topic,
        numPartitions: topic.partitions,
        replicationFactor: topic.replicationFactor,
        configEntries: configEntries(topic.retentionMs),
      })),
    });
    await fetchBounds(
      admin,
      missing.map(({ topic }) => topic),
    );
  }
  return wanted.map((topic) => {
    const found = existing.find((other) => other.topic === topic.topic);
    if (found === undefined) return { topic: topic.topic, outcome: 'created', differences: [] };
    return outcomeOf(found, topic);
  });
}

/** Rejects with one RemoteError that names all of `topics` that do not exist. */
export async function requireTopics(admin: Admin, url: string, topics: readonly string[]) {
  const existing = new Set(await admin.listTopics());
  const missing = topics.filter((topic) => !existing.has(topic));
  if (missing.length === 0) return;
  throw missingTopics(url, missing);
}

/** What to say about topics that do not exist. */
export function missingTopics(url: string, topics: readonly string[]): RemoteError {
  const [noun, verb] = topics.length === 1 ? ['topic', 'does'] : ['topics', 'do'];
  return new RemoteError(`${noun} ${topics.join(', ')} ${verb} not exist on ${url}`, {
    hint: creationHint(url, topics),
  });
}

function creationHint(url: string, topics: readonly string[]): string {
  const prefix = topicPrefixOf(topics);
  if (prefix === undefined)
    return 'odin makes topics of its own only: correct --kafka-topics, or make these with kafka-topics.sh';
  return `odin topics create --broker ${url}${prefix === '' ? '' : ` --prefix ${prefix}`}`;
}

/**
 * The bounds of every partition of `topics`. A partition without a leader is asked for again for
 * `patienceMs` (default: 10 s).
 */
export async function fetchBounds(
  admin: Admin,
  topics: readonly string[],
  patienceMs = leaderPatienceMs,
): Promise<PartitionBounds[]> {
  const perTopic = topics.map(async (topic) => {
    const partitions = await patiently(() => admin.fetchTopicOffsets(topic), patienceMs);
    return partitions.map(({ partition, low, high }) => ({
      topic,
      partition,
      low: Number(low),
      high: Number(high),
    }));
  });
  return (await Promise.all(perTopic)).flat();
}

/** Where to start reading to get every record with a time of `sinceMs` or later. */
export async function fetchStarts(
  admin: Admin,
  topics: readonly string[],
  sinceMs: number,
): Promise<PartitionStart[]> {
  // The bounds come first: a partition with nothing so new answers with its end at the time of
  // asking, and a record that came in between would be skipped.
  const bounds = await fetchBounds(admin, topics);
  const starts = new Map<string, number>();
  const perTopic = topics.map(async (topic) => {
    const partitions = await patiently(() => admin.fetchTopicOffsetsByTimestamp(topic, sinceMs));
    for (const { partition, offset } of partitions) {
      starts.set(`${topic} ${partition}`, Number(offset));
    }
  });
  await Promise.all(perTopic);
  return bounds.map((bound) => ({
    ...bound,
    start: Math.min(starts.get(`${bound.topic} ${bound.partition}`) ?? bound.high, bound.high),
  }));
}

/** kafkajs gives up at once when a partition is just made, or changes its leader. */
async function patiently<T>(ask: () => Promise<T>, patienceMs = leaderPatienceMs): Promise<T> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const type = protocolErrorType(error) ?? '';
      if (!leaderTrouble.has(type) || performance.now() > deadlineMs) throw error;
      await sleep(50);
    }
  }
}

/**
 * Kafka deletes whole segments only, and by default starts a new one after a week. A segment that
 * lasts a third of the retention keeps the disk near what the retention asks for.
 */
export function configEntries(retentionMs: number): { name: string; value: string }[] {
  const entries = [{ name: 'retention.ms', value: String(retentionMs) }];
  if (retentionMs <= 0) return entries;
  const segmentMs = Math.round(Math.min(Math.max(retentionMs / 3, 10_000), 3_600_000));
  return [...entries, { name: 'segment.ms', value: String(segmentMs) }];
}

/** How a topic that exists compares with what is wanted, and what changing it would mean. */
export function outcomeOf(found: TopicDescription, wanted: TopicDescription): TopicOutcome {
  const { topic } = wanted;
  const differences = differencesOf(found, wanted);
  if (differences.length === 0) return { topic, outcome: 'exists', differences };
  // What is left to other tools is the number of copies, and fewer partitions.
  const isChangeable =
    found.partitions < wanted.partitions || found.retentionMs !== wanted.retentionMs;
  return { topic, outcome: 'differs', differences, isChangeable, notes: notesOn(found, wanted) };
}

function notesOn(found: TopicDescription, wanted: TopicDescription): string[] {
  const notes: string[] = [];
  if (found.partitions < wanted.partitions) {
    notes.push(
      'more partitions move most tokens to another one: events published meanwhile may overtake each other, and clients cannot resume across it; stop the publishers first',
    );
  }
  if (found.partitions > wanted.partitions) {
    notes.push('Kafka cannot take partitions away: delete the topic and create it again');
  }
  if (found.replicationFactor !== wanted.replicationFactor) {
    notes.push('the replication factor of a topic is changed by kafka-reassign-partitions');
  }
  if (
    wanted.retentionMs >= 0 &&
    !(found.retentionMs <= wanted.retentionMs && found.retentionMs >= 0)
  ) {
    notes.push('a shorter retention deletes what is older, soon');
  }
  return notes;
}

function differencesOf(found: TopicDescription, wanted: TopicDescription): string[] {
  const show = (ms: number) => (ms < 0 ? 'for ever' : formatDuration(ms));
  const pairs: [name: string, is: string, wanted: string][] = [
    ['partitions', String(found.partitions), String(wanted.partitions)],
    ['replication factor', String(found.replicationFactor), String(wanted.replicationFactor)],
    ['retention', show(found.retentionMs), show(wanted.retentionMs)],
  ];
  return pairs
    .filter(([, is, other]) => is !== other)
    .map(([name, is, other]) => `${name}: ${is}, wanted ${other}`);
}

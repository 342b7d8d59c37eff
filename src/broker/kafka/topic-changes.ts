/** Changing topics of a Kafka cluster that are not as wanted, as far as that can be undone. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { TopicDescription, TopicOutcome } from '../broker.ts';
import { configEntries, describeTopics, outcomeOf, topicResource } from './topics.ts';

/** A change shows everywhere within this time, in milliseconds, or something else undoes it. */
const settleMs = 5_000;
const lookMs = 100;
/** Of a setting: it was given to this topic (Kafka protocol, DescribeConfigs, `config_source`). */
const topicSource = 1;

/**
 * Changes retention, and raises partitions, of the topics in `outcomes` that differ; then looks
 * again. What Kafka cannot change, or cannot undo, stays and comes back as `differs`.
 */
export async function changeTopics(
  admin: Admin,
  wanted: readonly TopicDescription[],
  outcomes: readonly TopicOutcome[],
): Promise<TopicOutcome[]> {
  const differing = wanted.filter((_, index) => outcomes[index]?.outcome === 'differs');
  if (differing.length === 0) return [...outcomes];
  const names = differing.map(({ topic }) => topic);
  const found = new Map((await describeTopics(admin, names)).map((topic) => [topic.topic, topic]));
  const isOf = (topic: TopicDescription, check: (is: TopicDescription) => boolean) => {
    const is = found.get(topic.topic);
    return is !== undefined && check(is);
  };
  const kept = differing.filter((topic) =>
    isOf(topic, (is) => is.retentionMs !== topic.retentionMs),
  );
  if (kept.length > 0) await changeRetention(admin, kept);
  const grown = differing.filter((topic) => isOf(topic, (is) => is.partitions < topic.partitions));
  if (grown.length > 0) {
    await admin.createPartitions({
      topicPartitions: grown.map(({ topic, partitions }) => ({ topic, count: partitions })),
    });
  }
  return await lookAgain(admin, wanted, outcomes);
}

/**
 * What kafkajs can send replaces all settings of a topic, so those that somebody gave it are read
 * and sent along.
 */
async function changeRetention(admin: Admin, topics: readonly TopicDescription[]): Promise<void> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map(({ topic }) => ({ type: topicResource, name: topic })),
  });
  await admin.alterConfigs({
    validateOnly: false,
    resources: topics.map(({ topic, retentionMs }) => {
      const given =
        resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [];
      const ours = configEntries(retentionMs);
      const others = given
        .filter(({ configName, configSource }) => {
          const isOurs = ours.some(({ name }) => name === configName);
          return Number(configSource) === topicSource && !isOurs;
        })
        .map(({ configName, configValue }) => ({ name: configName, value: configValue }));
      return { type: topicResource, name: topic, configEntries: [...others, ...ours] };
    }),
  });
}

async function lookAgain(
  admin: Admin,
  wanted: readonly TopicDescription[],
  before: readonly TopicOutcome[],
): Promise<TopicOutcome[]> {
  const deadlineMs = performance.now() + settleMs;
  for (;;) {
    const found = await describeTopics(
      admin,
      wanted.map(({ topic }) => topic),
    );
    const after = wanted.map((topic, index): TopicOutcome => {
      const was = before[index] as TopicOutcome;
      const is = found.find((other) => other.topic === topic.topic);
      if (was.outcome !== 'differs' || is === undefined) return was;
      const now = outcomeOf(is, topic);
      return now.outcome === 'differs' ? now : { ...was, outcome: 'changed' };
    });
    const canSettle = after.some(({ differences, outcome, topic }) => {
      const was = before.find((other) => other.topic === topic);
      return outcome === 'differs' && differences.length === was?.differences.length;
    });
    if (!canSettle || performance.now() > deadlineMs) return after;
    await sleep(lookMs);
  }
}

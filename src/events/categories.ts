/** The eight categories of events: topic, channel suffix and how long the broker keeps them. */

/** Channel suffixes, in the order the topics are listed everywhere. */
export const categories = [
  'trade',
  'liquidity',
  'balances',
  'metadata',
  'social',
  'community',
  'creation',
  'analytics',
] as const;

/** The part of a channel name after the symbol. */
export type Category = (typeof categories)[number];

interface CategoryFacts {
  readonly topic: string;
  /** How long the broker keeps records of this topic, in milliseconds. */
  readonly retentionMs: number;
}

/** Topic and retention of each category; the values are those of the system odin replaces. */
export const categoryFacts: Readonly<Record<Category, CategoryFacts>> = {
  trade: { topic: 'odin.trades', retentionMs: 30_000 },
  liquidity: { topic: 'odin.liquidity', retentionMs: 60_000 },
  balances: { topic: 'odin.balances', retentionMs: 30_000 },
  metadata: { topic: 'odin.metadata', retentionMs: 3_600_000 },
  social: { topic: 'odin.social', retentionMs: 3_600_000 },
  community: { topic: 'odin.community', retentionMs: 300_000 },
  creation: { topic: 'odin.creation', retentionMs: 3_600_000 },
  analytics: { topic: 'odin.analytics', retentionMs: 300_000 },
};

/** All topics, in the order of {@link categories}. */
export const topics: readonly string[] = /* @__PURE__ */ categories.map(
  (category) => categoryFacts[category].topic,
);

/** Partitions of each topic. */
export const partitionsPerTopic = 12;

const byTopic = /* @__PURE__ */ new Map(
  /* @__PURE__ */ categories.map((category) => [categoryFacts[category].topic, category]),
);

/** The category whose events a topic carries; undefined for a topic that is not odin's. */
export function categoryOfTopic(topic: string): Category | undefined {
  return byTopic.get(topic);
}

/** Whether a topic of Kafka may begin with it. */
export function isTopicPrefix(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,100}$/.test(text);
}

/** What to say where {@link isTopicPrefix} does not hold, or the broker is another one. */
export const topicPrefixHint =
  'topics of Kafka take letters, digits, ".", "_" and "-"; NATS has one set of subjects';

/** What stands before the names of odin's topics in all of `names`; undefined where others are among them. */
export function topicPrefixOf(names: readonly string[]): string | undefined {
  const prefixes = names.map((name) => {
    const known = topics.find((topic) => name.endsWith(topic));
    return known === undefined ? undefined : name.slice(0, -known.length);
  });
  return new Set(prefixes).size === 1 ? prefixes[0] : undefined;
}

/** Whether `text` is the suffix of a channel. */
export function isCategory(text: string): text is Category {
  // Not by the facts: clients ask this too, and need no topics in their bundles.
  return (categories as readonly string[]).includes(text);
}

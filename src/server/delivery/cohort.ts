/** Cohorts: connections with equal subscriptions, which share every byte they are sent. */
import { subscriptionsMatching } from '../../events/channel.ts';
import type { ProtocolVersion } from '../../protocol/versions.ts';
import { FlushContext } from '../compression/flush-context.ts';
import type { Channel, Frame } from './channel.ts';

/** Channels of which it is remembered who wants them. */
const maxRemembered = 16_384;

/** Connections of one protocol version, deflated or not, with the same set of subscriptions. */
export class Cohort<Member> {
  readonly key: string;
  readonly version: ProtocolVersion;
  /** What its flushes may refer to when they are deflated; undefined when they are not. */
  readonly context: FlushContext | undefined;
  readonly subscriptions: ReadonlySet<string>;
  /** Those who have everything up to the last flush. Dense; order means nothing. */
  readonly members: Member[] = [];
  /** Those who have not, and are served from the history. */
  readonly stragglers = new Set<Member>();
  /** Frames since the last flush. */
  pending: Frame[] = [];

  constructor(
    key: string,
    version: ProtocolVersion,
    subscriptions: ReadonlySet<string>,
    isDeflated: boolean,
  ) {
    this.key = key;
    this.version = version;
    this.context = isDeflated ? new FlushContext() : undefined;
    this.subscriptions = subscriptions;
  }

  get size(): number {
    return this.members.length + this.stragglers.size;
  }
}

/** All cohorts, and which of them want a channel. */
export class Cohorts<Member> {
  readonly #byKey = new Map<string, Cohort<Member>>();
  readonly #bySubscription = new Map<string, Set<Cohort<Member>>>();
  /** Who wants a channel: valid until a cohort comes or goes. */
  readonly #interested = new Map<Channel, readonly Cohort<Member>[]>();

  get size(): number {
    return this.#byKey.size;
  }

  /** The cohort for a set of subscriptions, made if there is none. */
  for(
    version: ProtocolVersion,
    subscriptions: ReadonlySet<string>,
    isDeflated: boolean,
  ): Cohort<Member> {
    const key = `${version}${isDeflated ? ' deflated' : ''} ${[...subscriptions].sort().join(' ')}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const cohort = new Cohort<Member>(key, version, subscriptions, isDeflated);
    this.#byKey.set(key, cohort);
    for (const subscription of subscriptions) {
      const set = this.#bySubscription.get(subscription);
      if (set === undefined) this.#bySubscription.set(subscription, new Set([cohort]));
      else set.add(cohort);
    }
    this.#interested.clear();
    return cohort;
  }

  /** Forgets a cohort that nobody is in. */
  releaseIfEmpty(cohort: Cohort<Member>): void {
    if (cohort.size > 0 || !this.#byKey.delete(cohort.key)) return;
    for (const subscription of cohort.subscriptions) {
      const set = this.#bySubscription.get(subscription);
      set?.delete(cohort);
      if (set?.size === 0) this.#bySubscription.delete(subscription);
    }
    cohort.pending = [];
    this.#interested.clear();
  }

  /**
   * Counts, for one channel after the other, the connections that get it by whatever subscription. Of
   * the cohorts that want a channel most come by one subscription, such as `*`: those are summed up
   * once for all channels.
   */
  subscriberCounter(): (channel: string) => number {
    const sums = new Map<ReadonlySet<Cohort<Member>>, number>();
    return (channel) => {
      const [most, ...others] = subscriptionsMatching(channel)
        .flatMap((subscription) => this.#bySubscription.get(subscription) ?? [])
        .sort((a, b) => b.size - a.size);
      if (most === undefined) return 0;
      const sum = sums.get(most) ?? sizeOf(most);
      sums.set(most, sum);
      const found = new Set<Cohort<Member>>();
      for (const set of others) for (const cohort of set) if (!most.has(cohort)) found.add(cohort);
      return sum + sizeOf(found);
    };
  }

  /** The cohorts that want a channel. */
  interestedIn(channel: Channel): readonly Cohort<Member>[] {
    const known = this.#interested.get(channel);
    if (known !== undefined) return known;
    const found = new Set<Cohort<Member>>();
    for (const subscription of channel.matching) {
      for (const cohort of this.#bySubscription.get(subscription) ?? []) found.add(cohort);
    }
    const interested = [...found];
    if (this.#interested.size >= maxRemembered) this.#interested.clear();
    this.#interested.set(channel, interested);
    return interested;
  }
}

function sizeOf(cohorts: Iterable<{ readonly size: number }>): number {
  let sum = 0;
  for (const { size } of cohorts) sum += size;
  return sum;
}

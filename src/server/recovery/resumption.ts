/** Resumption: a client's subscribe with positions, from its message to its missed events. */
import type { MessageId } from '../../protocol/client-messages.ts';
import type { Since } from '../../protocol/resume.ts';
import type { Connection } from '../clients/connection.ts';
import type { Channel, Frame } from '../delivery/channel.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { History } from '../delivery/history.ts';
import type { Recovered, Recovery } from './recovery.ts';

/** What a returning client asks for, checked: only channels that it may and can hold. */
export interface ResumeRequest {
  readonly id: MessageId;
  /** Channels that it asked for, in canonical form. */
  readonly subscribed: readonly string[];
  /** Everything that it will hold. */
  readonly subscriptions: ReadonlySet<string>;
  readonly since: Since;
  readonly wantsSnapshot: boolean;
}

/** Messages that may wait while their sender is being resumed. */
const maxWaiting = 64;

/** Runs resumptions: one at a time per client, whose other messages wait meanwhile. */
export class Resumption {
  readonly #recovery: Recovery;
  readonly #delivery: Delivery;
  readonly #history: History;
  readonly #waiting = new Map<Connection, (() => void)[]>();

  constructor(recovery: Recovery, delivery: Delivery, history: History) {
    this.#recovery = recovery;
    this.#delivery = delivery;
    this.#history = history;
  }

  /** Has `act` run when a client is not being resumed; false when too much waits already. */
  whenIdle(connection: Connection, act: () => void): boolean {
    const waiting = this.#waiting.get(connection);
    if (waiting === undefined) {
      act();
      return true;
    }
    return waiting.push(act) <= maxWaiting;
  }

  /** Forgets a closed connection. */
  closed(connection: Connection): void {
    this.#waiting.delete(connection);
  }

  /**
   * Subscribes, after reading what is needed from the broker. `acknowledge` is called before the
   * missed events, with what could be recovered.
   */
  async resume(
    connection: Connection,
    request: () => ResumeRequest,
    since: Since,
    acknowledge: (request: ResumeRequest, recovered: Recovered) => void,
  ): Promise<void> {
    this.#waiting.set(connection, []);
    const read = await this.#recovery.prepare(since);
    const waiting = this.#waiting.get(connection) ?? [];
    this.#waiting.delete(connection);
    if (connection.isClosing) return;
    const wanted = request();
    const held = connection.cohort.subscriptions;
    const servedFrom = (channel: Channel) =>
      channel.isIn(held) ? this.#delivery.servedFrom(connection) : this.#history.next;
    const recovered = this.#recovery.collect(wanted.since, read, servedFrom, connection.missed);
    const missed = [...this.#snapshotOf(wanted, held, recovered, servedFrom), ...recovered.frames];
    acknowledge(wanted, { ...recovered, frames: missed });
    this.#delivery.resubscribe(connection, wanted.subscriptions, missed);
    for (const act of waiting) this.whenIdle(connection, act);
  }

  /** The newest event of each new channel that does not come with the missed ones anyway. */
  #snapshotOf(
    { wantsSnapshot, subscribed, since }: ResumeRequest,
    held: ReadonlySet<string>,
    { frames }: Recovered,
    servedFrom: (channel: Channel) => number,
  ): readonly Frame[] {
    if (!wantsSnapshot) return [];
    const added = subscribed.filter((name) => !held.has(name) && !since.has(name));
    const covered = new Set(frames.map((frame) => frame.channel));
    return this.#recovery.newest(added, servedFrom).filter(({ channel }) => !covered.has(channel));
  }
}

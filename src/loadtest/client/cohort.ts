/** Clients of one group with equal subscriptions: takes the messages that each of them receives. */
import type { Cursor, SubscriptionSet } from '../delivery/cursor.ts';
import type { MessageReceiver } from '../socket/connection-owner.ts';
import type { ClientContext } from './client-context.ts';
import type { ReceivedEvent, ReceivedMessage } from './message-reader.ts';

/** One client of a cohort. */
export interface CohortMember {
  readonly cursor: Cursor;
  /** Takes a message that is not just the next events of a client that has received some. */
  onMessage(message: ReceivedMessage): void;
}

/**
 * Nearly every message is one that others have received already, and what has to come next: it is
 * taken without a look at the objects of its client, which are no longer in the processor's cache.
 */
export class Cohort implements MessageReceiver {
  readonly context: ClientContext;
  readonly subscriptions: SubscriptionSet;
  /** By row of the {@link SubscriptionSet}'s standings, those that have received an event. */
  readonly #hasBegun: boolean[] = [];
  /** By the same. */
  readonly #members: (CohortMember | undefined)[] = [];

  constructor(context: ClientContext, subscriptions: SubscriptionSet) {
    this.context = context;
    this.subscriptions = subscriptions;
  }

  join(member: CohortMember): void {
    const { row } = member.cursor;
    this.#members[row] = member;
    this.#hasBegun[row] = false;
  }

  /** A member does not come back, and receives nothing any more. */
  leave({ cursor }: CohortMember): void {
    this.#members[cursor.row] = undefined;
    cursor.release();
  }

  /** A member has had its first event: it need not look at further ones that come alone. */
  begin({ cursor }: CohortMember): void {
    this.#hasBegun[cursor.row] = true;
  }

  onMessage(row: number, bytes: Buffer, start: number, end: number): void {
    const { messages, nowMs, counters } = this.context;
    const message = messages.read(bytes, start, end, nowMs);
    counters.frames++;
    const isJustEvents = message.controls.length === 0 && message.complaint === undefined;
    if (isJustEvents && this.#hasBegun[row] === true) this.takeEvents(row, message.events);
    else this.#memberAt(row).onMessage(message);
  }

  /** Takes the events of a message. */
  takeEvents(row: number, events: readonly ReceivedEvent[]): void {
    const { counters, ledger, stageLatencyMs, nowMs } = this.context;
    const { standings } = this.subscriptions;
    counters.received += events.length;
    for (const event of events) {
      if (!ledger.follow(this.subscriptions, row, event)) {
        ledger.observe(this.#memberAt(row).cursor, event);
      }
      if (!standings.wasMissed(row, event.ts)) stageLatencyMs?.record(nowMs - event.ts);
    }
  }

  #memberAt(row: number): CohortMember {
    return this.#members[row] as CohortMember;
  }
}

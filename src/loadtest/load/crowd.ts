/** The clients of one worker: makes each when it comes, says goodbye to each when it goes. */
import { ClientContext, epochMs } from '../client-context.ts';
import { Cursor, SubscriptionSet } from '../cursor.ts';
import { channelsOf } from '../plan.ts';
import { openingFrames } from '../raw/conversation.ts';
import { subscribeFrame } from '../resume.ts';
import { VirtualClient } from '../virtual-client.ts';
import type { Assignment } from '../worker-messages.ts';

/** What clients with equal subscriptions share. */
interface Subscriptions {
  readonly set: SubscriptionSet;
  readonly frame: Buffer;
}

/** Events may take this long to arrive: of what is younger, nobody can say that it is lost. */
const arrivalMs = 2_000;
/** What a client that goes should have had is looked up this often. */
const lookUpMs = 100;
/** How long clients may take to say goodbye. */
const goodbyeMs = 1_000;
const pollMs = 20;

/** All clients of a worker, with what they share. */
export class Crowd {
  readonly context: ClientContext;
  readonly #assignment: Assignment;
  /** Those that came and had not to go yet, by number. */
  readonly #present = new Map<number, VirtualClient>();
  /** Those that went, until their sockets are closed. */
  readonly #leaving = new Set<VirtualClient>();
  readonly #subscriptions = new Map<string, Subscriptions>();
  #due = {
    atMs: Number.NEGATIVE_INFINITY,
    events: [] as ReturnType<ClientContext['book']['newest']>,
  };
  #came = 0;
  #asked = 0;

  constructor(assignment: Assignment) {
    const { config, target, workers } = assignment;
    this.#assignment = assignment;
    this.context = new ClientContext({ ...config, target, workers });
  }

  /** Where the clients that are present stand. */
  get cursors(): readonly Cursor[] {
    return [...this.#present.values()].map(({ cursor }) => cursor);
  }

  /** Whether it is known of every client that came whether it got in. */
  get isSettled(): boolean {
    return this.context.counters.settled >= this.#came;
  }

  /** A client comes: a new one, even if one with this number was here before. */
  come(number: number, plannedMs: number): void {
    const channels = channelsOf(number, this.#assignment.config);
    const { set, frame } = this.#subscriptionsTo(channels);
    const { raw } = this.#assignment.target;
    const opening = raw === undefined ? frame : openingFrames(raw.opening, number, channels);
    const client = new VirtualClient(new Cursor(number, set), opening, this.context);
    this.#came++;
    this.#present.set(number, client);
    client.start(plannedMs);
  }

  /** A client goes. What it should have had by now and has not is lost. */
  go(number: number): void {
    const client = this.#present.get(number);
    if (client === undefined) return;
    this.#present.delete(number);
    this.context.ledger.closeTail([client.cursor], this.#eventsDue());
    client.leave();
    for (const gone of this.#leaving) if (!gone.connected) this.#leaving.delete(gone);
    if (client.connected) this.#leaving.add(client);
  }

  /** One client asks the server for its time, the next one that is open, so that all are heard of. */
  askForTime(): void {
    const clients = [...this.#present.values()];
    for (let tries = 0; tries < clients.length; tries++) {
      if (clients[this.#asked++ % clients.length]?.askForTime()) return;
    }
  }

  /** All say goodbye; resolves when their sockets are closed. */
  stop(): Promise<void> {
    for (const client of this.#present.values()) client.stop();
    return new Promise((resolve) => this.#awaitClosed(epochMs() + goodbyeMs, resolve));
  }

  #awaitClosed(untilMs: number, done: () => void): void {
    const open = [...this.#present.values(), ...this.#leaving].filter(({ connected }) => connected);
    if (open.length === 0) return done();
    if (epochMs() >= untilMs) {
      for (const client of open) client.destroy();
      return done();
    }
    setTimeout(() => this.#awaitClosed(untilMs, done), pollMs);
  }

  /** The newest event of each channel that every client should have received by now. */
  #eventsDue() {
    const nowMs = epochMs();
    if (nowMs - this.#due.atMs >= lookUpMs) {
      this.#due = { atMs: nowMs, events: this.context.book.newest(nowMs - arrivalMs) };
    }
    return this.#due.events;
  }

  #subscriptionsTo(channels: readonly string[]): Subscriptions {
    const key = channels.join();
    const known = this.#subscriptions.get(key);
    if (known !== undefined) return known;
    const set = new SubscriptionSet(channels, this.context.book);
    const made = { set, frame: subscribeFrame(channels) };
    this.#subscriptions.set(key, made);
    return made;
  }
}

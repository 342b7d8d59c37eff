/** The clients of one worker: makes each when it comes, says goodbye to each when it goes. */
import { type Random, randomIndex } from '../../base/random.ts';
import { ClientContext } from '../client/client-context.ts';
import { Cohort } from '../client/cohort.ts';
import { subscribeFrame } from '../client/resume.ts';
import { ServerSilence } from '../client/server-silence.ts';
import { VirtualClient } from '../client/virtual-client.ts';
import { WorkerShared } from '../client/worker-shared.ts';
import type { NewestEvent } from '../delivery/channel-book.ts';
import { SubscriptionSet } from '../delivery/cursor.ts';
import { Cast } from '../plan/cast.ts';
import { arrivalMs, channelsOf, type LoadTestConfig } from '../plan/plan.ts';
import { sizeOf } from '../plan/run-size.ts';
import { openingFrames } from '../raw/conversation.ts';
import { epochMs } from '../run-clock.ts';
import type { Assignment } from '../workers/worker-messages.ts';
import { ReadOut } from './read-out.ts';
import { UnfinishedClient } from './unfinished-client.ts';

/** Clients with equal subscriptions, and the frame with which they ask for them. */
interface Subscribers {
  readonly cohort: Cohort;
  readonly frame: Buffer;
}

/** What a client that goes should have had is looked up this often. */
const lookUpMs = 100;
/** How long clients may take to say goodbye. */
const goodbyeMs = 1_000;
const pollMs = 20;

/** A client of any kind. */
type Member = VirtualClient | UnfinishedClient;

/** All clients of a worker, with what they share. */
export class Crowd {
  /** By group. */
  readonly contexts: readonly ClientContext[];
  readonly shared: WorkerShared;
  readonly #config: LoadTestConfig;
  readonly #cast: Cast;
  readonly #raw: Assignment['target']['raw'];
  /** Those that came and had not to go yet, by number. */
  readonly #present = new Map<number, Member>();
  /** Those that went, until their sockets are closed. */
  readonly #leaving = new Set<Member>();
  readonly #readOut: ReadOut;
  /** All slow clients read out, or have: the run is over for them. */
  #isReadOut = false;
  readonly #subscribers = new Map<string, Subscribers>();
  #due = {
    atMs: Number.NEGATIVE_INFINITY,
    events: [] as readonly NewestEvent[],
  };
  #came = 0;
  #asked = 0;
  readonly #silence = new ServerSilence();

  constructor({ config, target, workers }: Assignment) {
    this.#config = config;
    this.#cast = new Cast(config, sizeOf(config).peak);
    this.shared = new WorkerShared(target, workers, config.slowPercent > 0);
    this.#readOut = new ReadOut(this.shared.book, config.slowReadOutMs);
    this.#raw = target.raw;
    const settings = { ...config, target, workers };
    this.contexts = this.#cast.groups.map(
      ({ isGood }) => new ClientContext(settings, isGood, this.shared),
    );
  }

  /** Whether it is known of every good client that came whether it got in. */
  get isSettled(): boolean {
    const good = this.contexts.filter(({ isGood }) => isGood);
    return good.reduce((sum, { counters }) => sum + counters.settled, 0) >= this.#came;
  }

  /** Whether some are not back yet from a storm, or from where they were moved. */
  get isReturning(): boolean {
    return this.#clients().some(({ absence }) => absence.isReturning);
  }

  /** Whether slow clients read what they left. */
  get isReadingOut(): boolean {
    return !this.#readOut.isOver;
  }

  /** A client comes: a new one, even if one with this number was here before. */
  come(number: number, plannedMs: number): void {
    const context = this.#contextOf(number);
    if (context.isGood) this.#came++;
    const client = this.#make(number, context);
    this.#present.set(number, client);
    client.start(plannedMs);
  }

  #make(number: number, context: ClientContext): Member {
    const conduct = this.#cast.conductOf(number);
    if (conduct === 'unfinished') return new UnfinishedClient(number, context);
    const channels = channelsOf(number, this.#config, this.#cast.profileOf(number));
    const { cohort, frame } = this.#subscribersTo(channels, context);
    const raw = this.#raw;
    const opening = raw === undefined ? frame : openingFrames(raw.opening, number, channels);
    return new VirtualClient(number, cohort, opening, conduct);
  }

  #contextOf(number: number): ClientContext {
    return this.contexts[this.#cast.groupOf(number)] as ClientContext;
  }

  /** A client goes. What it should have had by now and has not is lost; a slow one reads it first. */
  go(number: number): void {
    const client = this.#present.get(number);
    if (client === undefined) return;
    this.#present.delete(number);
    const { ledger } = this.#contextOf(number);
    if (client instanceof VirtualClient && this.#isSlow(client)) {
      return this.#readOut.begin(client, ledger, () => this.#leave(client));
    }
    if (client.cursor) ledger.closeTail([client.cursor], this.#eventsDue());
    this.#leave(client);
  }

  #leave(client: Member): void {
    client.leave();
    for (const gone of this.#leaving) if (!gone.connected) this.#leaving.delete(gone);
    if (client.connected) this.#leaving.add(client);
  }

  /** One client asks the server for its time, the next one that is open, so that all are heard of. */
  askForTime(): void {
    const clients = [...this.#present.values()];
    for (let tries = 0; tries < clients.length; tries++) {
      if (clients[this.#asked++ % clients.length]?.askForTime()) {
        return this.#silence.asked(epochMs(), this.#readMs);
      }
    }
    this.#silence.nobodyAsked();
  }

  /** Notes how long the server has said nothing by now. */
  noteSilence(): void {
    this.#silence.note(epochMs(), this.#readMs);
  }

  /** The longest silence of the server that was noted, in milliseconds. */
  get silentMs(): number {
    return this.#silence.longestMs;
  }

  /** When anything was read last. */
  get #readMs(): number {
    return Math.max(...this.contexts.map(({ nowMs }) => nowMs));
  }

  /** Slow clients read what came meanwhile: nobody knows else what became of them. */
  hurry(): void {
    for (const client of this.#present.values()) client.hurry();
  }

  /** Whether all have everything up to `targets` who do not read too slowly. */
  hasAll(targets: readonly NewestEvent[]): boolean {
    return this.#prompt().every(({ client, ledger }) => ledger.hasAll([client.cursor], targets));
  }

  /**
   * The run is over for all who do not read too slowly: what they lack up to `targets` is lost, and who
   * was never let in, and has tries left, could not connect in time.
   */
  close(targets: readonly NewestEvent[]): void {
    for (const client of this.#present.values()) client.giveUp();
    for (const { client, ledger } of this.#prompt()) ledger.closeTail([client.cursor], targets);
  }

  /** Those of whom nothing more is counted say goodbye; they stay where they are in all figures. */
  dismiss(): void {
    for (const client of this.#present.values()) {
      if (!(client instanceof VirtualClient && this.#isSlow(client))) client.stop();
    }
  }

  /** Slow clients read on until they have `targets`, by default all that came so far, or cannot any more. */
  readOut(targets?: readonly NewestEvent[]): void {
    this.#isReadOut = true;
    for (const client of this.#clients()) {
      if (!this.#isSlow(client)) continue;
      const { ledger } = this.#contextOf(client.cursor.client);
      this.#readOut.begin(client, ledger, () => client.stop(), targets);
    }
  }

  /** Nobody reads any more: what slow clients have not read by now is unread. */
  endReadOut(): void {
    if (!this.#isReadOut) this.readOut();
    this.#readOut.end();
  }

  /** A share of the good clients loses the connection at once and returns; `percent` is 0–100. */
  storm(percent: number, random: Random): void {
    const open = this.#openClients();
    const count = Math.round((open.length * percent) / 100);
    for (let at = 0; at < count; at++) {
      const other = at + randomIndex(random, open.length - at);
      [open[at], open[other]] = [open[other] as VirtualClient, open[at] as VirtualClient];
      open[at]?.dropOut();
    }
  }

  /** Good clients drop a channel each for `awayMs`: `count` of them, or all that lack none yet. */
  churn(count: number, awayMs: number, random: Random): void {
    const open = this.#openClients();
    for (let wanted = count; wanted > 0 && open.length > 0; ) {
      const at = randomIndex(random, open.length);
      if (open[at]?.churn(random, awayMs)) wanted--;
      const last = open.pop() as VirtualClient;
      if (at < open.length) open[at] = last;
    }
  }

  #isSlow({ cursor }: VirtualClient): boolean {
    return this.#cast.conductOf(cursor.client) === 'slow';
  }

  /** Those that want events. */
  #clients(): VirtualClient[] {
    return [...this.#present.values()].filter((client) => client instanceof VirtualClient);
  }

  /** Of these, the ones that do not read too slowly, and what keeps account of them. */
  #prompt() {
    return this.#clients()
      .filter((client) => !this.#isSlow(client))
      .map((client) => ({ client, ledger: this.#contextOf(client.cursor.client).ledger }));
  }

  /** The good ones. */
  #openClients(): VirtualClient[] {
    return this.#clients().filter(({ isOpen, cursor }) => {
      return isOpen && this.#contextOf(cursor.client).isGood;
    });
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
      this.#due = { atMs: nowMs, events: this.shared.book.newest(nowMs - arrivalMs) };
    }
    return this.#due.events;
  }

  #subscribersTo(channels: readonly string[], context: ClientContext): Subscribers {
    const key = `${this.contexts.indexOf(context)} ${channels.join()}`;
    const known = this.#subscribers.get(key);
    if (known !== undefined) return known;
    const cohort = new Cohort(context, new SubscriptionSet(channels, this.shared.book));
    const made = { cohort, frame: subscribeFrame(channels) };
    this.#subscribers.set(key, made);
    return made;
  }
}

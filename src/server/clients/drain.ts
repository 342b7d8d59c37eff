/** Drain: lets all clients go, each at its own time, at an even rate, within a budget. */
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { controlMessages } from '../../protocol/server-messages.ts';
import type { Audit } from '../reporting/audit.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';

/** Why clients are let go; they are told. */
export type DrainReason = 'shutdown' | 'drain';

/** How far a drain is. */
export interface DrainProgress {
  readonly reason: DrainReason;
  /** Clients when it started. */
  readonly clients: number;
  readonly elapsedMs: number;
}

/** Clients are let go this far apart, unless the budget asks for more at a time. */
const spacingMs = 10;
/** Share of the budget for closing; in the rest the last ones answer, and take what they are owed. */
const spreadShare = 0.8;
/** How long a client that is owed nothing gets to answer the close frame, in milliseconds. */
const answerMs = 2_000;
/** How often those who have not answered are looked at, in milliseconds. */
const lookMs = 20;
/** Notices written before anything else gets its turn. */
const noticesPerTurn = 500;

/**
 * When each of `count` clients is closed, in milliseconds from the start, ascending: one at a random
 * time in each of as many equal slots, so that no second has more than its share, and one. Of a node
 * of several `processes`, each lets go of so many fewer at a time.
 */
export function drainTimes(
  count: number,
  budgetMs: number,
  random = Math.random,
  processes = 1,
): number[] {
  const slotMs = Math.min(spacingMs * processes, (budgetMs * spreadShare) / count);
  return Array.from({ length: count }, (_, slot) => (slot + random()) * slotMs);
}

/** One per server. Whoever starts it decides first that no more clients are taken. */
export class Drain {
  readonly #connections: Connections;
  readonly #audit: Pick<Audit, 'note'>;
  /** Time that it takes at most, in milliseconds. */
  readonly budgetMs: number;
  readonly #processes: number;
  #running: Promise<void> | undefined;
  #reason: DrainReason = 'shutdown';
  #clients = 0;
  #startedMs = 0;
  /** Clients that did not answer in time, and were cut off. */
  cutOff = 0;

  /** `processes` of a node drain at the same time, and keep its pace together. */
  constructor(
    connections: Connections,
    audit: Pick<Audit, 'note'>,
    budgetMs: number,
    processes = 1,
  ) {
    this.#connections = connections;
    this.#processes = processes;
    this.#audit = audit;
    this.budgetMs = budgetMs;
  }

  /** Undefined while there is no drain. */
  get progress(): DrainProgress | undefined {
    if (this.#running === undefined) return undefined;
    const elapsedMs = performance.now() - this.#startedMs;
    return { reason: this.#reason, clients: this.#clients, elapsedMs };
  }

  /** Resolves when nobody is left, after at most the budget. A drain under way is joined. */
  start(reason: DrainReason): Promise<void> {
    if (this.#running !== undefined) return this.#running;
    this.#reason = reason;
    this.#clients = this.#connections.size;
    this.#startedMs = performance.now();
    this.#running = this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    const clients = inOrder(this.#connections.open);
    const times = drainTimes(clients.length, this.budgetMs, Math.random, this.#processes);
    if (clients.length === 0) return await this.#awaitRest();
    const fields = { reason: this.#reason, clients: clients.length };
    const spreadMs = Math.round(times.at(-1) ?? 0);
    this.#audit.note('drain', 'drain started', { ...fields, spreadMs });
    await this.#notify(clients, times);
    await this.#closeEach(clients, times);
    await this.#awaitRest();
    const tookMs = Math.round(performance.now() - this.#startedMs);
    this.#audit.note('drain', 'drain finished', { ...fields, tookMs, cutOff: this.cutOff });
  }

  async #notify(clients: readonly Connection[], times: readonly number[]): Promise<void> {
    for (const [index, client] of clients.entries()) {
      if (index % noticesPerTurn === noticesPerTurn - 1) await nextTurn();
      const leftMs = this.#startedMs + (times[index] as number) - performance.now();
      const notice = controlMessages.reconnectNotice(Math.max(0, Math.round(leftMs)), this.#reason);
      if (!client.isClosing) client.send(notice);
    }
  }

  async #closeEach(clients: readonly Connection[], times: readonly number[]): Promise<void> {
    for (const [index, client] of clients.entries()) {
      if (client.isClosing) continue;
      const leftMs = this.#startedMs + (times[index] as number) - performance.now();
      if (leftMs > 0) await sleep(leftMs);
      client.close('draining');
    }
  }

  /** Those who do not answer are cut off: at once when they are owed nothing, else in the end. */
  async #awaitRest(): Promise<void> {
    const closedMs = performance.now();
    const endMs = this.#startedMs + this.budgetMs;
    const cutOff = new Set<Connection>();
    while (this.#connections.size > 0) {
      const nowMs = performance.now();
      for (const client of this.#connections.open) {
        // Who was on its way in when the drain started gets no time of its own.
        client.close('draining');
        const isOwed = client.bufferedBytes > 0;
        if (nowMs < (isOwed ? endMs : Math.min(endMs, closedMs + answerMs))) continue;
        cutOff.add(client);
        client.terminate('draining');
      }
      await sleep(lookMs);
    }
    this.cutOff = cutOff.size;
  }
}

/** Who lags comes last: until then it is served from the history. */
function inOrder(open: Iterable<Connection>): Connection[] {
  const clients = [...open];
  const isLate = ({ isBehind }: Connection) => isBehind;
  return [...clients.filter((client) => !isLate(client)), ...clients.filter(isLate)];
}

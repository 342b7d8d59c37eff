/** A market for tests of the SDK: numbered events of a few channels, and an application that watches. */
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, randomIndex } from '../../src/base/random.ts';
import {
  type ClientProblem,
  type Gap,
  type MarketEvent,
  OdinClient,
  type OdinClientOptions,
} from '../../src/client/index.ts';
import { record, type TestServer } from './start-server.ts';

/** Tokens that have events; of each, trades and liquidity. */
const tokens = ['A', 'B', 'C'];

/** Every channel that has events. */
export const marketChannels = tokens.flatMap((token) => [`${token}.trade`, `${token}.liquidity`]);

/** Publishes from its construction on. Disposing it stops that. */
export class Market implements AsyncDisposable {
  /** Events so far by channel; the next one of a channel has this number in `data.n`. */
  readonly counts = new Map<string, number>();
  /** Where events go; may be replaced while it runs. */
  server: TestServer;
  readonly #running: Promise<void>;
  readonly #random = createRandom(7);
  #isStopped = false;

  constructor(server: TestServer) {
    this.server = server;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      await this.server.publish(...Array.from({ length: 4 }, () => this.#record()));
      await delay(4);
    }
  }

  #record() {
    const token = tokens[randomIndex(this.#random, tokens.length)]!;
    const isTrade = this.#random.next() < 0.5;
    const channel = `${token}.${isTrade ? 'trade' : 'liquidity'}`;
    const n = this.counts.get(channel) ?? 0;
    this.counts.set(channel, n + 1);
    return record(token, isTrade ? 'TRADE_EXECUTED' : 'LIQUIDITY_ADDED', { n });
  }
}

/** A client of the SDK that comes back fast, and what its application got. */
export class Watcher implements Disposable {
  readonly client: OdinClient;
  /** Numbers of events by channel, as they came. */
  readonly seen = new Map<string, number[]>();
  readonly gaps: Gap[] = [];
  readonly problems: ClientProblem[] = [];
  /** How many events had come when each gap was told. */
  readonly #gapsAt: number[] = [];
  #count = 0;

  constructor(url: string, options: Partial<OdinClientOptions> = {}) {
    const random = createRandom(11);
    this.client = new OdinClient({
      ...{ url, minBackoffMs: 5, maxBackoffMs: 20, connectMs: 300, random: () => random.next() },
      ...options,
    });
    this.client.on('gap', (gap) => {
      this.gaps.push(gap);
      this.#gapsAt.push(this.#count);
    });
    this.client.on('error', (problem) => this.problems.push(problem));
  }

  /** Connects, subscribes and waits until both are done. */
  async watch(...channels: string[]): Promise<void> {
    const subscription = this.client.subscribe(channels, (event) => this.take(event));
    await this.client.connect();
    await subscription.ready;
  }

  /** Takes an event, as a handler. */
  take({ channel, data }: MarketEvent): void {
    this.#count++;
    const numbers = this.seen.get(channel) ?? [];
    this.seen.set(channel, numbers);
    numbers.push((data as unknown as { n: number }).n);
  }

  /** Waits until the newest event of each channel is here. */
  async caughtUp(counts: ReadonlyMap<string, number>): Promise<void> {
    await until(() =>
      [...counts].every(([name, count]) => this.seen.get(name)?.at(-1) === count - 1),
    );
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

/** Waits for a condition; fails in the end. */
export async function until(condition: () => boolean, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${condition}`);
    await delay(5);
  }
}

/** 0, 1, 2 … below `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

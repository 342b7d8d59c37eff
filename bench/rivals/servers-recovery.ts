/** What clients lack when their connections were cut, or the server was killed and started again. */
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../../src/base/random.ts';
import { FaultProxy } from '../../test/support/fault-proxy.ts';
import { type Contender, dataOf, type Rival } from './servers-contenders.ts';
import { sdkOf } from './servers-sdk.ts';

const clients = 20;
const channel = 'BTC.trade';
const everyMs = 20;
/** Events go on for this long before and after the outage, in milliseconds. */
const aroundMs = { before: 1_000, after: 3_000 } as const;
/** Clients have this long to get what they still lack. */
const patienceMs = 8_000;

/** `cut` ends all connections; `kill` ends the server with SIGKILL, and starts it again. */
export type Outage = 'cut' | 'kill';

/** Of all clients together. */
export interface Recovery {
  /** What the server said it had taken, since each client's first event. */
  readonly due: number;
  readonly lost: number;
  readonly repeated: number;
}

/** Publishes before, during and after an outage, and tells what the clients of the SDK lack of it. */
export async function recoveryOf(contender: Contender, outage: Outage): Promise<Recovery> {
  const open = await sdkOf(contender);
  let rival = await contender.start();
  await using proxy = await FaultProxy.start(portOf(rival));
  try {
    const url = new URL(rival.url);
    url.port = new URL(proxy.url).port;
    /** How often each client got which event. */
    const received = Array.from({ length: clients }, () => new Map<number, number>());
    const closers = received.map((counts) =>
      open(url.href, channel, ({ n }) => counts.set(n, (counts.get(n) ?? 0) + 1)),
    );
    await using producer = await contender.openProducer?.();
    const overBroker = async (n: number) => {
      await producer?.send(contender.eventOf(channel, dataOf(n)));
      return true;
    };
    using publisher = new Publisher(
      producer === undefined ? overHttp(contender, rival.http) : overBroker,
    );
    await until(() => received.every(({ size }) => size > 0));
    await delay(aroundMs.before);
    if (outage === 'kill') rival = await restart(contender, rival);
    else while (proxy.inflict('cut', createRandom(1)));
    await delay(aroundMs.after);
    await publisher.end();
    const result = () => countOf(received, publisher.confirmed);
    await until(() => result().lost === 0);
    for (const close of closers) close();
    return result();
  } finally {
    await rival[Symbol.asyncDispose]();
  }
}

/** Waits for something for as long as it may take. */
async function until(isSo: () => boolean): Promise<void> {
  const untilMs = performance.now() + patienceMs;
  while (!isSo() && performance.now() < untilMs) await delay(everyMs);
}

async function restart(contender: Contender, rival: Rival): Promise<Rival> {
  rival.child.signal('SIGKILL');
  await rival.child.output;
  return await contender.start(portOf(rival));
}

function portOf({ url }: Rival): number {
  return Number(new URL(url).port);
}

function countOf(received: readonly Map<number, number>[], confirmed: readonly number[]): Recovery {
  let [due, lost, repeated] = [0, 0, 0];
  for (const counts of received) {
    const first = Math.min(...counts.keys());
    for (const n of confirmed) {
      if (n < first) continue;
      due++;
      const count = counts.get(n) ?? 0;
      if (count === 0) lost++;
      else repeated += count - 1;
    }
  }
  return { due, lost, repeated };
}

/** One event after the other; those that were not confirmed do not count. */
class Publisher implements Disposable {
  readonly confirmed: number[] = [];
  readonly #publish: Publish;
  readonly #isOver = Promise.withResolvers<void>();
  #ends = false;

  constructor(publish: Publish) {
    this.#publish = publish;
    void this.#run();
  }

  async end(): Promise<void> {
    this.#ends = true;
    await this.#isOver.promise;
  }

  [Symbol.dispose](): void {
    this.#ends = true;
  }

  async #run(): Promise<void> {
    for (let n = 1; !this.#ends; n++) {
      const isConfirmed = await this.#publish(n).catch(() => false);
      if (isConfirmed) this.confirmed.push(n);
      await delay(everyMs);
    }
    this.#isOver.resolve();
  }
}

/** Publishes an event; whether it was taken. */
type Publish = (n: number) => Promise<boolean>;

/** By the API of the server, which is away as long as the server is. */
function overHttp(contender: Contender, http: string): Publish {
  return async (n) => {
    const response = await fetch(`${http}/api/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: `${JSON.stringify(contender.eventOf(channel, dataOf(n)))}\n`,
    });
    await response.arrayBuffer();
    return response.ok;
  };
}

/** Events of one channel that come all the time, numbered, so that whoever misses one can tell. */
import { setTimeout as delay } from 'node:timers/promises';
import { record, type TestServer } from './start-server.ts';

/** Publishes from its construction on. Disposing it stops that. */
export class NumberedEvents implements AsyncDisposable {
  /** Events so far; the next one has this number. */
  count = 0;
  readonly #running: Promise<void>;
  #isStopped = false;

  /** `batch` events each `everyMs`, each with so many bytes of filler. */
  constructor(server: TestServer, { batch = 2, everyMs = 10, fillerBytes = 0 } = {}) {
    this.#running = this.#run(server, batch, everyMs, 'x'.repeat(fillerBytes));
  }

  /** Publishes no more; returns how many there were. */
  async stop(): Promise<number> {
    this.#isStopped = true;
    await this.#running;
    return this.count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(server: TestServer, batch: number, everyMs: number, filler: string): Promise<void> {
    while (!this.#isStopped) {
      const records = Array.from({ length: batch }, () =>
        record('BTC', 'TRADE_EXECUTED', { n: this.count++, sentMs: performance.now(), filler }),
      );
      await server.publish(...records);
      await delay(everyMs);
    }
  }
}

/** Event buffer: what stands between the socket, which never waits, and a loop, which may. */
import type { Dropped, MarketEvent } from './market-event.ts';

/** Channels that one {@link Dropped} names. */
const maxNamed = 500;

/** A bounded queue to iterate over. When it is full, the oldest event goes, and that is said. */
export class EventBuffer {
  readonly #limit: number;
  readonly #events: MarketEvent[] = [];
  #dropped: Record<string, number> = {};
  /** All of {@link #dropped}. */
  #count = 0;
  #named = 0;
  #wake: () => void = () => undefined;
  #isOver = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(event: MarketEvent): void {
    if (this.#events.length >= this.#limit) this.#drop(this.#events.shift()!.channel);
    this.#events.push(event);
    this.#wake();
  }

  /** What is held can still be read; then the loop ends. */
  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** What came, as it comes; for one loop. `left` is called when that is over. */
  async *read(left: () => void): AsyncGenerator<MarketEvent | Dropped, undefined> {
    try {
      for (;;) {
        if (this.#count > 0) {
          const [count, channels] = [this.#count, this.#dropped];
          [this.#count, this.#named, this.#dropped] = [0, 0, {}];
          yield { type: 'DROPPED', count, channels };
        }
        const event = this.#events.shift();
        if (event !== undefined) yield event;
        else if (this.#isOver) return;
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
      }
    } finally {
      left();
    }
  }

  #drop(channel: string): void {
    this.#count++;
    const isNamed = this.#dropped[channel] !== undefined || this.#named++ < maxNamed;
    const name = isNamed ? channel : '*';
    this.#dropped[name] = (this.#dropped[name] ?? 0) + 1;
  }
}

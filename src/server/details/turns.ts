/** Turns: long work in short pieces, so that clients are served in between. */
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work in one piece, in milliseconds. */
const pieceMs = 2;

/** One piece of work after the other, each in a turn of the event loop. */
export class Turns {
  readonly #pieceMs: number;
  #startedMs = performance.now();

  constructor(length = pieceMs) {
    this.#pieceMs = length;
  }

  /** Whether this turn has had enough. */
  get isOver(): boolean {
    return performance.now() - this.#startedMs >= this.#pieceMs;
  }

  /** Resolves in the next one. */
  async next(): Promise<void> {
    await nextTurn();
    this.#startedMs = performance.now();
  }
}

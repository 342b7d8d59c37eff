/** Sockets that have much to read: a few of them read once each turn, so that the others are heard too. */

/** Of a socket, what is used here. */
interface Reader {
  readonly destroyed: boolean;
  resume(): unknown;
}

/** A read may be 64 KiB, of which each takes a worker about a millisecond. */
const maxReadsPerTurn = 4;

/** Those of one worker. A socket pauses when it has read, and asks again. */
export class CatchUp {
  /** The next one first. */
  readonly #waiting = new Set<Reader>();
  #isDue = false;

  /** Whether a socket waits for its turn: then it has more to read, as far as is known. */
  isWaiting(socket: Reader): boolean {
    return this.#waiting.has(socket);
  }

  /** Lets a paused socket read once its turn has come. */
  add(socket: Reader): void {
    this.#waiting.add(socket);
    this.#await();
  }

  #await(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => this.#take());
  }

  #take(): void {
    this.#isDue = false;
    let taken = 0;
    for (const socket of this.#waiting) {
      this.#waiting.delete(socket);
      if (socket.destroyed) continue;
      socket.resume();
      if (++taken === maxReadsPerTurn) break;
    }
    if (this.#waiting.size > 0) this.#await();
  }
}

/** How long a server has sent nothing at all, though clients that are open asked it for its time. */
export class ServerSilence {
  /** The first question since which nothing came; NaN when none waits for an answer. */
  #sinceMs = Number.NaN;
  #longestMs = 0;

  /** A client asked; `readMs` is when anything came last, for any client. Both since 1970. */
  asked(nowMs: number, readMs: number): void {
    if (!(readMs < this.#sinceMs)) this.#sinceMs = nowMs;
  }

  /** Nobody is open who could ask: an answer may have been due to somebody who went. */
  nobodyAsked(): void {
    this.#sinceMs = Number.NaN;
  }

  /** Notes what has to be known later, also if the server goes on until then. */
  note(nowMs: number, readMs: number): void {
    if (readMs < this.#sinceMs) this.#longestMs = Math.max(this.#longestMs, nowMs - this.#sinceMs);
  }

  /** The longest silence that was noted, in milliseconds. */
  get longestMs(): number {
    return this.#longestMs;
  }
}

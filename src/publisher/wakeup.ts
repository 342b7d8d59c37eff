/** A sleep that can be cut short. */

/** One sleeper and anybody to wake it; a wake before the sleep makes the sleep empty. */
export class Wakeup {
  #woken = false;
  #timer: NodeJS.Timeout | undefined;
  #resolve: (() => void) | undefined;

  /** Ends the present sleep, or the next one at once. */
  wake(): void {
    this.#woken = true;
    this.#finish();
  }

  /** Sleeps for `ms` (rounded up to whole milliseconds, at least 1, at most a minute) or until woken. */
  async sleep(ms: number): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        this.#timer = setTimeout(
          () => this.#finish(),
          Math.min(60_000, Math.max(1, Math.ceil(ms))),
        );
      });
    }
    this.#woken = false;
  }

  #finish(): void {
    clearTimeout(this.#timer);
    this.#resolve?.();
    this.#resolve = undefined;
  }
}

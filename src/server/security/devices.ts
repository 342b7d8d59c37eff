/** Devices: how many connections each user has. */

/** Counts by user; a user without connections costs nothing, so connections bound its size. */
export class Devices {
  readonly #limit: number;
  readonly #byUser = new Map<string, number>();

  /** `limit` connections per user; 0 is unlimited. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Users with connections. */
  get users(): number {
    return this.#byUser.size;
  }

  /** Takes a place; false when the user has no more. */
  take(user: string): boolean {
    const count = this.#byUser.get(user) ?? 0;
    if (this.#limit > 0 && count >= this.#limit) return false;
    this.#byUser.set(user, count + 1);
    return true;
  }

  /** Gives back a place that was taken. */
  release(user: string): void {
    const count = this.#byUser.get(user) ?? 0;
    if (count > 1) this.#byUser.set(user, count - 1);
    else this.#byUser.delete(user);
  }
}

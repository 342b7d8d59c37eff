/** Devices: how many connections each user has. */

/** What the count is held against; it may change. */
interface DeviceLimits {
  /** Connections of one user; 0 is unlimited. */
  readonly devicesPerUser: number;
}

/** Counts by user; a user without connections costs nothing, so connections bound its size. */
export class Devices {
  readonly #limits: DeviceLimits;
  readonly #byUser = new Map<string, number>();

  constructor(limits: DeviceLimits) {
    this.#limits = limits;
  }

  /** Users with connections. */
  get users(): number {
    return this.#byUser.size;
  }

  /** Takes a place; false when the user has no more. */
  take(user: string): boolean {
    const count = this.#byUser.get(user) ?? 0;
    const { devicesPerUser } = this.#limits;
    if (devicesPerUser > 0 && count >= devicesPerUser) return false;
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

/** Why a client is not open although nothing went wrong: a storm, or the server moved it. */
import { noticeDelayMs } from './return-policy.ts';

/** Of one client. */
export class PlannedAbsence {
  /** When it dropped out in a storm; undefined when it did not, or is back. */
  stormedAtMs: number | undefined;
  /** It leaves because the server asked for it. */
  isMoving = false;
  #isOnTheWay = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #counters: { returning: number };

  /** `counters` are told how many are on their way. */
  constructor(counters: { returning: number }) {
    this.#counters = counters;
  }

  /** It returns from either, and no attempt at that has failed. */
  get isOnTheWay(): boolean {
    return this.#isOnTheWay;
  }

  /** Whether it is to come back from either, and is not back yet. */
  get isReturning(): boolean {
    return this.stormedAtMs !== undefined || this.#isOnTheWay;
  }

  /** The server goes away soon: the client leaves it at the time that it chose for this one. */
  moveIn(afterMs: number, leave: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isMoving = true;
      leave();
    }, noticeDelayMs(afterMs));
  }

  /** It is not to move any more, nor to return: it stays where it is, or away. */
  stay(): void {
    clearTimeout(this.#timer);
    this.#set(false);
    this.stormedAtMs = undefined;
  }

  /** Takes note that a connection or an attempt ended; tells whether the client returns at once. */
  begin(wasOpen: boolean): boolean {
    clearTimeout(this.#timer);
    this.#set(this.isMoving || (wasOpen && this.stormedAtMs !== undefined));
    this.isMoving = false;
    return this.isOnTheWay;
  }

  /** It is open again; returns how long it took from a storm until then, if it was that. */
  end(nowMs: number): number | undefined {
    const { stormedAtMs } = this;
    this.#set(false);
    this.stormedAtMs = undefined;
    return stormedAtMs === undefined ? undefined : nowMs - stormedAtMs;
  }

  #set(isOnTheWay: boolean): void {
    this.#counters.returning += Number(isOnTheWay) - Number(this.#isOnTheWay);
    this.#isOnTheWay = isOnTheWay;
  }
}

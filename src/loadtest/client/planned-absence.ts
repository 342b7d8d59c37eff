/** Why a client is not open although nothing went wrong: a storm, or the server moved it. */

/** Of one client. */
export class PlannedAbsence {
  /** When it dropped out in a storm; undefined when it did not, or is back. */
  stormedAtMs: number | undefined;
  /** It leaves because the server asked for it. */
  isMoving = false;
  /** It returns from either, and no attempt at that has failed. */
  isOnTheWay = false;

  /** Takes note that a connection or an attempt ended; tells whether the client returns at once. */
  begin(wasOpen: boolean): boolean {
    this.isOnTheWay = this.isMoving || (wasOpen && this.stormedAtMs !== undefined);
    this.isMoving = false;
    return this.isOnTheWay;
  }

  /** It is open again; returns how long it took from a storm until then, if it was that. */
  end(nowMs: number): number | undefined {
    const { stormedAtMs } = this;
    this.isOnTheWay = false;
    this.stormedAtMs = undefined;
    return stormedAtMs === undefined ? undefined : nowMs - stormedAtMs;
  }
}

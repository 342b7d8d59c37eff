/** When the next sends are due at a given rate: an open loop that never forgets a late one. */

/** Due sends since the last call; see {@link createPacer}. */
export interface Pacer {
  /**
   * How many sends are due at `nowMs` and not yet taken, at most `limit`. They count as taken.
   * After a change of rate, sends of the old rate come alone: call again for the rest.
   */
  take(nowMs: number, limit: number): number;
  /** The planned time of a send of the last `take`, `backFromLast` from its end. */
  plannedMs(backFromLast: number): number;
  /** Milliseconds from `nowMs` until the next send is due; 0 when one is due already. */
  waitMs(nowMs: number): number;
  /** Sends that are due at `nowMs` and not taken: how far the sender is behind. */
  behind(nowMs: number): number;
  /**
   * From `nowMs` on, another rate. What was due before stays due, at its old time, and the part of
   * an interval that has passed counts, so changing often neither adds nor loses sends.
   */
  changeRate(ratePerSecond: number, nowMs: number): void;
}

/** A time of one rate; `sends` is how many belong to it, endless for the current one. */
interface Stretch {
  readonly startMs: number;
  readonly ratePerSecond: number;
  readonly sends: number;
}

/** Changes of rate that may wait behind a stalled sender; beyond, the oldest two become one. */
const maxStretches = 64;

/**
 * A pacer that makes the first send due at `startMs` and the n-th at `startMs + n / rate`.
 * `ratePerSecond` is above 0; times are milliseconds on any one clock.
 */
export function createPacer(ratePerSecond: number, startMs: number): Pacer {
  const stretches: Stretch[] = [{ startMs, ratePerSecond, sends: Number.POSITIVE_INFINITY }];
  let taken = 0;
  let last = { stretch: stretches[0] as Stretch, taken };

  const head = (): Stretch => {
    while (stretches.length > 1 && taken >= stretches[0]!.sends) {
      stretches.shift();
      taken = 0;
    }
    return stretches[0]!;
  };

  return {
    take(nowMs, limit) {
      const stretch = head();
      const due = Math.max(0, Math.min(dueBy(stretch, nowMs) - taken, limit));
      taken += due;
      last = { stretch, taken };
      return due;
    },
    plannedMs: (backFromLast) => plannedAt(last.stretch, last.taken - 1 - backFromLast),
    waitMs: (nowMs) => Math.max(0, plannedAt(head(), taken) - nowMs),
    behind: (nowMs) =>
      Math.max(0, stretches.reduce((sum, stretch) => sum + dueBy(stretch, nowMs), 0) - taken),
    changeRate(rate, nowMs) {
      head();
      const current = stretches.pop() as Stretch;
      const due = dueBy(current, nowMs);
      const untaken = due - (stretches.length === 0 ? taken : 0);
      if (untaken > 0) stretches.push({ ...current, sends: due });
      else if (stretches.length === 0) taken = 0;
      stretches.push({
        startMs: continuedMs(current, due, rate, nowMs),
        ratePerSecond: rate,
        sends: Number.POSITIVE_INFINITY,
      });
      if (stretches.length <= maxStretches) return;
      stretches.splice(0, 2, merged(stretches[0]!, taken, stretches[1]!));
      taken = 0;
    },
  };
}

function plannedAt({ startMs, ratePerSecond }: Stretch, index: number): number {
  return startMs + (index * 1_000) / ratePerSecond;
}

/** Sends planned at or before `nowMs`, by the very comparison that `waitMs` makes. */
function dueBy(stretch: Stretch, nowMs: number): number {
  if (nowMs < stretch.startMs) return 0;
  let due = Math.floor(((nowMs - stretch.startMs) * stretch.ratePerSecond) / 1_000) + 1;
  while (plannedAt(stretch, due) <= nowMs) due++;
  while (due > 0 && plannedAt(stretch, due - 1) > nowMs) due--;
  return Math.min(due, stretch.sends);
}

/** When the first send of a new rate is due: the rest of the old interval, at the new pace. */
function continuedMs(old: Stretch, due: number, rate: number, nowMs: number): number {
  const restOfInterval = ((plannedAt(old, due) - nowMs) * old.ratePerSecond) / 1_000;
  return nowMs + (restOfInterval * 1_000) / rate;
}

/** One stretch with the untaken sends of two, spread evenly over the time of both. */
function merged(first: Stretch, taken: number, second: Stretch): Stretch {
  const startMs = plannedAt(first, taken);
  const sends = first.sends - taken + second.sends;
  const endMs = plannedAt(second, second.sends - 1);
  return { startMs, sends, ratePerSecond: ((sends - 1) * 1_000) / (endMs - startMs) };
}

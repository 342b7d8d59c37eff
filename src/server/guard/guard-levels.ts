/** GuardLevels: from noisy readings to calm decisions; pure, so that its flapping can be tested. */

/** Thresholds in percent; 0 switches one off. */
export interface GuardThresholds {
  readonly cpuRejectPercent: number;
  readonly cpuPausePercent: number;
  readonly memoryRejectPercent: number;
}

/** The resources at one moment, raw or smoothed. */
export interface GuardReading {
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  readonly loopDelayMs: number;
}

/**
 * 0 normal · 1 flushes are further apart · 2 new clients are refused · 3 the broker is paused ·
 * 4 the slowest clients are closed.
 */
export type GuardLevel = 0 | 1 | 2 | 3 | 4;

/** What is to be done. Higher levels do what lower ones do. */
export interface GuardDecision {
  readonly level: GuardLevel;
  /** What the level is for: the reading that asks for the most. */
  readonly cause: keyof GuardReading | undefined;
  readonly isPaused: boolean;
  /** Why new clients are refused; undefined while they are not. */
  readonly refusesFor: 'cpuPercent' | 'memoryPercent' | undefined;
}

/** A reading that reaches `at` asks for `level`, until it is back below {@link leaveShare} of it. */
interface Trigger {
  readonly level: GuardLevel;
  readonly of: keyof GuardReading;
  /** In the unit of the reading; 0 is never. */
  readonly at: (thresholds: GuardThresholds) => number;
  isActive: boolean;
}

/** Weight of the newest reading, one a second: a step shows after some 3 s, a spike does not. */
const newestWeight = 0.3;
/** A threshold is left 10 % below where it is entered. */
const leaveShare = 0.9;
/** A level is kept at least so long before it goes down. */
const dwellMs = 3_000;
/**
 * The broker is paused at most so long at a time, and runs for {@link breathMs} in between: where
 * something else eats the CPU, pausing helps nobody, and topics keep records for 30 s only.
 */
const maxPauseMs = 10_000;
const breathMs = 5_000;
/** Flushes are stretched from this share of the lowest CPU threshold on. */
const stretchShare = 0.8;
/** An event loop that is later than this (p99) is helped by fewer flushes, whatever the CPU. */
const stretchDelayMs = 100;

/** Harshest measure first. */
const triggerRows: readonly Omit<Trigger, 'isActive'>[] = [
  { level: 4, of: 'memoryPercent', at: memoryCriticalPercent },
  { level: 3, of: 'cpuPercent', at: ({ cpuPausePercent }) => cpuPausePercent },
  { level: 2, of: 'memoryPercent', at: ({ memoryRejectPercent }) => memoryRejectPercent },
  { level: 2, of: 'cpuPercent', at: ({ cpuRejectPercent }) => cpuRejectPercent },
  { level: 1, of: 'cpuPercent', at: (all) => lowestCpuPercent(all) * stretchShare },
  { level: 1, of: 'loopDelayMs', at: (all) => (lowestCpuPercent(all) > 0 ? stretchDelayMs : 0) },
];

/**
 * Levels go up one at a time, so that each measure comes before the next harsher one, and down one
 * at a time, each after {@link dwellMs}. Memory that stays critical pauses the broker once, for
 * sockets to drain, and then has slow clients closed with the broker running again: the memory of a
 * process seldom shrinks, and a pause that waits for it would not end.
 */
export class GuardLevels {
  readonly #triggers: readonly Trigger[] = triggerRows.map((row) => ({ ...row, isActive: false }));
  #smooth: GuardReading = { cpuPercent: 0, memoryPercent: 0, loopDelayMs: 0 };
  #level: GuardLevel = 0;
  #changedMs = Number.NEGATIVE_INFINITY;
  #isPaused = false;
  #pauseChangedMs = Number.NEGATIVE_INFINITY;
  #refusesFor: GuardDecision['refusesFor'];

  /** The readings as they count. */
  get smooth(): GuardReading {
    return this.#smooth;
  }

  /**
   * Takes one reading, about one a second, and says what is to be done until the next. Thresholds
   * may be others than the last time: levels still change one at a time.
   */
  take(reading: GuardReading, thresholds: GuardThresholds, nowMs: number): GuardDecision {
    this.#smooth = blend(this.#smooth, reading);
    for (const trigger of this.#triggers) {
      const at = trigger.at(thresholds);
      const value = this.#smooth[trigger.of];
      trigger.isActive = at > 0 && value >= (trigger.isActive ? at * leaveShare : at);
    }
    this.#step(nowMs);
    this.#decidePause(nowMs);
    this.#decideRefusal(thresholds);
    return {
      level: this.#level,
      cause: this.#triggers.find(({ isActive }) => isActive)?.of,
      isPaused: this.#isPaused,
      refusesFor: this.#refusesFor,
    };
  }

  #step(nowMs: number): void {
    const wanted = this.#triggers.find(({ isActive }) => isActive)?.level ?? 0;
    const hasDwelt = nowMs - this.#changedMs >= dwellMs;
    if (wanted === this.#level || (wanted < this.#level && !hasDwelt)) return;
    // Closing clients comes only after the pause has had its time.
    if (wanted > this.#level && this.#level === 3 && !hasDwelt) return;
    this.#level = (this.#level + Math.sign(wanted - this.#level)) as GuardLevel;
    this.#changedMs = nowMs;
  }

  #decidePause(nowMs: number): void {
    const isForCpu = this.#isActive(3);
    // On the way down the level holds the pause, so that it does not flap with the CPU.
    const isHeld = this.#level === 3 && (this.#isActive(4) || this.#isPaused);
    const isWanted = this.#level >= 3 && (isForCpu || isHeld);
    const sinceMs = nowMs - this.#pauseChangedMs;
    const isPaused = isWanted && (this.#isPaused ? sinceMs < maxPauseMs : sinceMs >= breathMs);
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    this.#pauseChangedMs = nowMs;
  }

  #decideRefusal({ cpuRejectPercent, memoryRejectPercent }: GuardThresholds): void {
    const isAsked = (of: keyof GuardReading) =>
      this.#triggers.some((row) => row.level >= 2 && row.of === of && row.isActive);
    const [mayForCpu, mayForMemory] = [cpuRejectPercent > 0, memoryRejectPercent > 0];
    if (mayForMemory && isAsked('memoryPercent')) this.#refusesFor = 'memoryPercent';
    else if (mayForCpu && isAsked('cpuPercent')) this.#refusesFor = 'cpuPercent';
    // Otherwise a refusal goes on for as long as its level, unless it was switched off.
    const isOff = this.#refusesFor === 'cpuPercent' ? !mayForCpu : !mayForMemory;
    if (this.#level < 2 || isOff) this.#refusesFor = undefined;
  }

  #isActive(wanted: GuardLevel): boolean {
    return this.#triggers.some(({ level, isActive }) => level === wanted && isActive);
  }
}

/** Memory from which slow clients are closed: halfway from where new ones are refused to all of it. */
function memoryCriticalPercent({ memoryRejectPercent }: GuardThresholds): number {
  return memoryRejectPercent === 0 ? 0 : (memoryRejectPercent + 100) / 2;
}

/** Of those that are on; 0 when none is. */
function lowestCpuPercent({ cpuRejectPercent, cpuPausePercent }: GuardThresholds): number {
  if (cpuRejectPercent === 0 || cpuPausePercent === 0) return cpuRejectPercent + cpuPausePercent;
  return Math.min(cpuRejectPercent, cpuPausePercent);
}

function blend(old: GuardReading, reading: GuardReading): GuardReading {
  const towards = (from: number, to: number) => from + (to - from) * newestWeight;
  return {
    cpuPercent: towards(old.cpuPercent, reading.cpuPercent),
    memoryPercent: towards(old.memoryPercent, reading.memoryPercent),
    loopDelayMs: towards(old.loopDelayMs, reading.loopDelayMs),
  };
}

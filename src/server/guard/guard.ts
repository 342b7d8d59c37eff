/** Guard: looks at the resources each second, and spares the server in a fixed order of measures. */
import { performance } from 'node:perf_hooks';
import type { ResourceMeter, ResourceSample } from '../../host/usage.ts';
import type { RefusalCode } from '../../protocol/refusals.ts';
import type { BrokerHold } from '../ingest/broker-hold.ts';
import type { Audit } from '../reporting/audit.ts';
import { type GuardDecision, GuardLevels, type GuardThresholds } from './guard-levels.ts';

/** What the guard watches over, and what it does it with. */
export interface GuardParts {
  /** Thresholds that may change. */
  readonly limits: { readonly guard: GuardThresholds };
  /** Sets flushes further apart, by this factor. */
  readonly stretchFlushes: (factor: number) => void;
  readonly hold: Pick<BrokerHold, 'hold' | 'release'>;
  /** Closes the slowest clients, a few at a time. */
  readonly closeSlowest: () => void;
  readonly audit: Audit;
  /** Reading the history at the start takes all the CPU there is, and is to. */
  readonly isWarm: () => boolean;
}

/** How the guard perceives the world; tests have their own. */
export interface GuardSenses {
  readonly meter: ResourceMeter;
  readonly periodMs: number;
  readonly nowMs: () => number;
}

const periodMs = 1_000;
/** At level 1 a flush may use half as much of the process, and wait twice as long. */
const stretchFactor = 2;

const calm: GuardDecision = {
  level: 0,
  cause: undefined,
  isPaused: false,
  refusesFor: undefined,
};

/** One per server. Disposing it ends its timer. */
export class Guard implements Disposable {
  readonly #parts: GuardParts;
  readonly #senses: GuardSenses;
  readonly #levels = new GuardLevels();
  readonly #timer: NodeJS.Timeout;
  #decision = calm;
  #sample: ResourceSample;
  /** Changes of level. */
  transitions = 0;

  constructor(parts: GuardParts, senses: GuardSenses) {
    this.#parts = parts;
    this.#senses = senses;
    this.#sample = senses.meter.sample();
    this.#timer = setInterval(() => this.#look(), senses.periodMs);
  }

  get decision(): GuardDecision {
    return this.#decision;
  }

  /** The newest look, at most a second old. */
  get sample(): ResourceSample {
    return this.#sample;
  }

  /** What 100 % is. */
  get limits(): ResourceMeter['limits'] {
    return this.#senses.meter.limits;
  }

  /** Why new clients are refused; undefined while they are not. */
  get refusal(): RefusalCode | undefined {
    switch (this.#decision.refusesFor) {
      case 'cpuPercent':
        return 'CPU_OVERLOAD';
      case 'memoryPercent':
        return 'MEMORY_LIMIT';
      default:
        return undefined;
    }
  }

  /** How much further apart than the load asks flushes are to be now. */
  get flushStretch(): number {
    return this.#decision.level >= 1 ? stretchFactor : 1;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#senses.meter[Symbol.dispose]();
  }

  #look(): void {
    this.#sample = this.#senses.meter.sample();
    if (!this.#parts.isWarm()) return;
    const { cpuPercent, groupCpuPercent = 0, memoryBytes, loopDelayMs } = this.#sample;
    const before = this.#decision;
    this.#decision = this.#levels.take(
      {
        cpuPercent: Math.max(cpuPercent, groupCpuPercent),
        memoryPercent: (100 * memoryBytes) / this.limits.memoryBytes,
        loopDelayMs,
      },
      this.#parts.limits.guard,
      this.#senses.nowMs(),
    );
    this.#act(before, this.#decision);
  }

  #act(before: GuardDecision, now: GuardDecision): void {
    const { stretchFlushes, hold } = this.#parts;
    if (now.level !== before.level) {
      this.transitions++;
      stretchFlushes(this.flushStretch);
    }
    if (now.isPaused) hold.hold('guard');
    else hold.release('guard');
    if (now.level !== before.level || now.isPaused !== before.isPaused) this.#tell(before);
    if (now.level === 4) this.#parts.closeSlowest();
  }

  #tell(before: GuardDecision): void {
    const { level, cause, isPaused } = this.#decision;
    const { cpuPercent, memoryPercent, loopDelayMs } = this.#levels.smooth;
    this.#parts.audit.note('guard', 'guard changed level', {
      from: before.level,
      to: level,
      cause,
      refuses: this.refusal,
      brokerPaused: isPaused,
      cpuPercent: Math.round(cpuPercent),
      memoryPercent: Math.round(memoryPercent),
      loopDelayMs: Math.round(loopDelayMs),
    });
  }
}

/** The senses of a guard that looks at real resources. */
export function guardSenses(meter: ResourceMeter): GuardSenses {
  return { meter, periodMs, nowMs: () => performance.now() };
}

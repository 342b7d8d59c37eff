/** How far a new connection has come, and how long after its planned start it came there. */
import { Histogram, type HistogramSnapshot } from '../../base/histogram.ts';

/**
 * Steps of a connection. `dialed` is the wait in the load tester itself, `connected` the end of the
 * TCP handshake, `secured` that of TLS, `upgraded` the 101, `subscribed` the acknowledgement.
 */
export const connectPhases = [
  'dialed',
  'connected',
  'secured',
  'upgraded',
  'subscribed',
  'firstEvent',
] as const;

/** One of {@link connectPhases}. */
export type ConnectPhase = (typeof connectPhases)[number];

/** A value for each phase. */
export type PerPhase<Value> = Readonly<Record<ConnectPhase, Value>>;

/** Makes a value for each phase. */
export function perPhase<Value>(make: (phase: ConnectPhase) => Value): PerPhase<Value> {
  return Object.fromEntries(connectPhases.map((phase) => [phase, make(phase)])) as PerPhase<Value>;
}

/** What a report says about a phase, in milliseconds since the planned start; null for nobody. */
export interface PhaseTimes {
  readonly count: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  readonly mean: number | null;
}

/** Phases that not every connection goes through. */
type OptionalPhase = 'secured' | 'subscribed';

/** The times of the phases that connections of a run go through. */
export type ReportedPhases = Omit<PerPhase<PhaseTimes>, OptionalPhase> & {
  readonly [Phase in OptionalPhase]?: PhaseTimes;
};

/** An empty histogram for each phase. */
export function phaseHistograms(): PerPhase<Histogram> {
  return perPhase(() => new Histogram());
}

function phaseTimes(histogram: Histogram): PhaseTimes {
  const { count } = histogram;
  const told = (value: number) => (count === 0 ? null : value);
  return {
    count,
    p50: told(histogram.percentile(50)),
    p90: told(histogram.percentile(90)),
    p95: told(histogram.percentile(95)),
    p99: told(histogram.percentile(99)),
    max: told(histogram.maxMs),
    mean: told(histogram.meanMs),
  };
}

/** The times of the phases that there are: of TLS for wss://, of subscribing for odin. */
export function reportedPhases(
  phases: PerPhase<Histogram>,
  has: Readonly<Record<OptionalPhase, boolean>>,
): ReportedPhases {
  const { secured, subscribed, ...others } = perPhase((phase) => phaseTimes(phases[phase]));
  return {
    ...others,
    ...(has.secured && { secured }),
    ...(has.subscribed && { subscribed }),
  };
}

/** The times of one attempt of one client, recorded once it is in. */
export class ConnectTimes {
  readonly #plannedMs: number;
  /** Undefined when they are recorded: an idle client waits for its first event, and they need not. */
  #steps:
    | { dialedMs: number; connectedMs: number; securedMs: number; upgradedMs: number }
    | undefined;

  /** Times are milliseconds since 1970; `nowMs` is when the client begins to connect. */
  constructor(plannedMs: number, nowMs: number) {
    this.#plannedMs = plannedMs;
    // NaN without TLS.
    this.#steps = { dialedMs: nowMs, connectedMs: 0, securedMs: Number.NaN, upgradedMs: 0 };
  }

  connected(nowMs: number): void {
    if (this.#steps !== undefined) this.#steps.connectedMs = nowMs;
  }

  secured(nowMs: number): void {
    if (this.#steps !== undefined) this.#steps.securedMs = nowMs;
  }

  upgraded(nowMs: number): void {
    if (this.#steps !== undefined) this.#steps.upgradedMs = nowMs;
  }

  /** Its subscription is acknowledged: the phases until then are recorded. */
  subscribed(nowMs: number, phases: PerPhase<Histogram>): void {
    if (this.#steps === undefined) return;
    const { dialedMs, connectedMs, securedMs, upgradedMs } = this.#steps;
    this.#steps = undefined;
    phases.dialed.record(dialedMs - this.#plannedMs);
    phases.connected.record(connectedMs - this.#plannedMs);
    if (!Number.isNaN(securedMs)) phases.secured.record(securedMs - this.#plannedMs);
    phases.upgraded.record(upgradedMs - this.#plannedMs);
    phases.subscribed.record(nowMs - this.#plannedMs);
  }

  firstEvent(nowMs: number, phases: PerPhase<Histogram>): void {
    phases.firstEvent.record(nowMs - this.#plannedMs);
  }
}

/** What workers send. */
export type PhaseSnapshots = PerPhase<HistogramSnapshot>;

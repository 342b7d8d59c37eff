/** How many clients there are at which time of a run, and when each of them comes and goes. Pure. */
import { parseStages } from '../../config/load-shape.ts';
import type { LoadTestConfig } from './plan.ts';

/** What happens to the number of clients. */
export type StageKind = 'ramp' | 'hold' | 'ramp-down';

/** Where a run stands: what its stage does, and then time for what is still on its way. */
export type LoadTestPhase = StageKind | 'settle';

/** Where a run stands, in the words of who shaped it. */
export interface RunPlace {
  readonly phase: LoadTestPhase;
  /** Name of the stage; that of the phase when it has none. */
  readonly stage: string;
  /** Clients that the stage comes to. */
  readonly target: number;
}

/** A stretch of a run in which the number of clients changes evenly, or stays. */
export interface Stage {
  /** As thresholds and reports call it: `ramp`, `hold`, `stage2`, or what the user called it. */
  readonly name: string;
  readonly kind: StageKind;
  /** Clients at its begin and at its end. */
  readonly from: number;
  readonly to: number;
  readonly lengthMs: number;
  /** Whether it goes on until it is known of every client whether it got in. */
  readonly awaitsClients: boolean;
  /** Whether its latencies count for the run as a whole. */
  readonly isMeasured: boolean;
}

/** A client that comes (in a ramp) or goes (in a ramp-down). */
export interface Change {
  readonly client: number;
  /** After the begin of its stage. */
  readonly atMs: number;
}

/**
 * The stages of a run. Without `--stage`: clients come, are held once all of them are in, and may go
 * evenly; only while they are held their latencies are measured. Stages of one's own follow the
 * clock, however long clients take to get in, and all of them are measured.
 */
export function stagesOf(config: LoadTestConfig): readonly Stage[] {
  const { connections, rampRate, rampDurationMs, durationMs, rampDownMs } = config;
  if (config.stages.length > 0) return ownStages(config.stages);
  const rampMs = rampDurationMs ?? (connections * 1_000) / rampRate;
  const ramp = stageOf('ramp', 0, connections, rampMs);
  const hold = stageOf('hold', connections, connections, durationMs);
  return [
    { ...ramp, awaitsClients: true, isMeasured: false },
    hold,
    ...(rampDownMs === 0
      ? []
      : [{ ...stageOf('ramp-down', connections, 0, rampDownMs), isMeasured: false }]),
  ];
}

function ownStages(texts: readonly string[]): Stage[] {
  const parsed = parseStages(texts);
  if (typeof parsed === 'string') throw new Error(parsed);
  let from = 0;
  return parsed.map(({ name, clients, lengthMs }) => {
    const stage = stageOf(name, from, clients, lengthMs);
    from = clients;
    return stage;
  });
}

function stageOf(name: string, from: number, to: number, lengthMs: number): Stage {
  const kind = to > from ? 'ramp' : to < from ? 'ramp-down' : 'hold';
  return { name, kind, from, to, lengthMs, awaitsClients: false, isMeasured: true };
}

/** The most clients that there are at a time. */
export function peakOf(stages: readonly Stage[]): number {
  return Math.max(0, ...stages.map(({ to }) => to));
}

/** How often a client comes, over all stages. */
export function startsOf(stages: readonly Stage[]): number {
  return stages.reduce((sum, stage) => sum + startsIn(stage), 0);
}

/** How often a client comes in a stage. */
export function startsIn({ from, to }: Stage): number {
  return Math.max(0, to - from);
}

/** {@link startsOf} of each worker. */
export function startsPerWorker(stages: readonly Stage[], workers: number): number[] {
  return Array.from({ length: workers }, (_, worker) => {
    const below = (limit: number) => clientsOfWorker(limit, worker, workers);
    return stages.reduce((sum, { from, to }) => sum + Math.max(0, below(to) - below(from)), 0);
  });
}

/** Of the clients from 0 to `clients - 1`, how many a worker has. */
export function clientsOfWorker(clients: number, worker: number, workers: number): number {
  return Math.max(0, Math.ceil((clients - worker) / workers));
}

/**
 * What happens in a stage to the clients of one worker, which has every `workers`-th, in order. The
 * first client of a ramp comes at its begin; the last one of a ramp-down goes at its end.
 */
export class Changes {
  readonly #stage: Stage;
  readonly #worker: number;
  readonly #workers: number;
  /** The client that comes or goes next. */
  #client: number;

  constructor(stage: Stage, worker: number, workers: number) {
    this.#stage = stage;
    this.#worker = worker;
    this.#workers = workers;
    const { from } = stage;
    const before = (((from - worker) % workers) + workers) % workers;
    if (stage.kind === 'ramp') this.#client = before === 0 ? from : from + workers - before;
    else this.#client = from - (before === 0 ? workers : before);
  }

  /** The next change; undefined when there are no more. */
  get next(): Change | undefined {
    const { kind, from, to, lengthMs } = this.#stage;
    const client = this.#client;
    if (kind === 'ramp') {
      if (client >= to) return undefined;
      return { client, atMs: ((client - from) * lengthMs) / (to - from) };
    }
    if (kind === 'hold' || client < Math.max(to, this.#worker)) return undefined;
    return { client, atMs: ((from - client) * lengthMs) / (from - to) };
  }

  /** Goes on to the change after {@link next}. */
  advance(): void {
    this.#client += this.#stage.kind === 'ramp' ? this.#workers : -this.#workers;
  }
}

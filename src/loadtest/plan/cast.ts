/** Which client plays which part: its profile, and whether it behaves. Pure, by the seed. */
import { createRandom, randomIndex } from '../../base/random.ts';
import { allProfiles, type LoadProfile, parseMix } from '../../config/load-profiles.ts';
import type { LoadTestConfig } from './plan.ts';
import { clientsOfWorker, type Stage, startsIn } from './timeline.ts';

/**
 * How clients behave: as they should; reading too slowly; never asking for the upgrade; never
 * answering pings. Those that misbehave on purpose say nothing about the server.
 */
const conducts = ['good', 'slow', 'unfinished', 'silent'] as const;

/** One of {@link conducts}. */
export type Conduct = (typeof conducts)[number];

/** Clients of one kind, which are counted together. */
export interface Group {
  /** Name of the profile; `slow` or `half-open` for those that misbehave; empty without a mix. */
  readonly name: string;
  /** Whether they are what the run is judged by. */
  readonly isGood: boolean;
}

/** How often clients of one worker have to come, over all stages. */
export interface WorkerShare {
  /** Those that behave. */
  readonly clients: number;
  /** Those of each group, in the order of {@link Cast.groups}. */
  readonly clientsByGroup: readonly number[];
}

/** All groups of a run; the good ones come first. */
function groupsOf(config: LoadTestConfig): Group[] {
  const good = partsOf(config).map(({ name }) => ({ name, isGood: true }));
  const { slowPercent, halfOpenPercent } = config;
  return [
    ...(good.length > 0 ? good : [{ name: '', isGood: true }]),
    ...(slowPercent > 0 ? [{ name: 'slow', isGood: false }] : []),
    ...(halfOpenPercent > 0 ? [{ name: 'half-open', isGood: false }] : []),
  ];
}

function partsOf({ mix, profiles }: LoadTestConfig) {
  const all = allProfiles(profiles);
  const parts = parseMix(mix, all);
  if (typeof parts === 'string') throw new Error(parts);
  return parts.map(({ profile, weight }) => ({
    name: profile,
    weight,
    profile: all[profile as keyof typeof all] as LoadProfile,
  }));
}

/** Who is who among clients 0 to `clients - 1`. */
export class Cast {
  readonly groups: readonly Group[];
  readonly #profiles: readonly LoadProfile[];
  /** By client: the part of the mix, and the conduct as a place in {@link conducts}. */
  readonly #part: Uint8Array;
  readonly #conduct: Uint8Array;
  /** The last answer of {@link countsOf}: it is asked for again and again. */
  #counted: { readonly of: number; readonly counts: readonly number[] } = { of: 0, counts: [] };

  constructor(config: LoadTestConfig, clients: number) {
    this.groups = groupsOf(config);
    const parts = partsOf(config);
    this.#profiles = parts.map(({ profile }) => profile);
    this.#part = dealt(
      parts.map(({ weight }) => weight),
      clients,
      config.seed,
    );
    const { slowPercent: slow, halfOpenPercent: half, halfOpenMode: mode } = config;
    const unfinished = { unfinished: half, silent: 0, both: half / 2 }[mode];
    const weights = [100 - slow - half, slow, unfinished, half - unfinished];
    this.#conduct = dealt(weights, clients, config.seed + 1);
  }

  /** Place of a client's group in {@link groups}. */
  groupOf(client: number): number {
    const conduct = this.conductOf(client);
    if (conduct === 'good') return this.#part[client] ?? 0;
    const name = conduct === 'slow' ? 'slow' : 'half-open';
    return this.groups.findIndex((group) => group.name === name);
  }

  conductOf(client: number): Conduct {
    return conducts[this.#conduct[client] ?? 0] ?? 'good';
  }

  /** What a client wants; undefined without a mix. */
  profileOf(client: number): LoadProfile | undefined {
    return this.#profiles[this.#part[client] ?? 0];
  }

  /** Of the first `clients`, how many are of each group. */
  countsOf(clients: number): readonly number[] {
    if (this.#counted.of !== clients) {
      this.#counted = { of: clients, counts: this.#count(0, clients) };
    }
    return this.#counted.counts;
  }

  /** The share of each worker, which has every `workers`-th client. */
  sharesOf(stages: readonly Stage[], workers: number): WorkerShare[] {
    return Array.from({ length: workers }, (_, worker) => {
      const clientsByGroup = this.startsIn(stages, worker, workers);
      return { clients: this.goodOf(clientsByGroup), clientsByGroup };
    });
  }

  /** Of counts by group, those of the groups that behave. */
  goodOf(counts: readonly number[]): number {
    return counts.reduce((sum, count, at) => sum + (this.groups[at]?.isGood ? count : 0), 0);
  }

  /** How often clients of each group come, over some stages; of all workers unless told otherwise. */
  startsIn(stages: readonly Stage[], worker = 0, workers = 1): number[] {
    const starts = this.groups.map(() => 0);
    for (const stage of stages) {
      const before = clientsOfWorker(stage.from, worker, workers);
      const come = this.#count(worker + before * workers, stage.from + startsIn(stage), workers);
      for (const [group, count] of come.entries()) starts[group] = (starts[group] ?? 0) + count;
    }
    return starts;
  }

  #count(from: number, to: number, step = 1): number[] {
    const counts = this.groups.map(() => 0);
    for (let client = from; client < to; client += step) {
      const group = this.groupOf(client);
      counts[group] = (counts[group] ?? 0) + 1;
    }
    return counts;
  }
}

/**
 * A place among `weights` for each client: exactly as many as its share, up to one, and shuffled, so
 * that neither workers nor stages get more of one kind.
 */
function dealt(weights: readonly number[], clients: number, seed: number): Uint8Array {
  const places = new Uint8Array(clients);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let from = 0;
  let until = 0;
  for (const [place, weight] of weights.entries()) {
    until += weight;
    const end = Math.round((clients * until) / total);
    places.fill(place, from, end);
    from = end;
  }
  if (weights.filter((weight) => weight > 0).length < 2) return places;
  const random = createRandom(seed);
  for (let last = clients - 1; last > 0; last--) {
    const other = randomIndex(random, last + 1);
    const kept = places[last] as number;
    places[last] = places[other] as number;
    places[other] = kept;
  }
  return places;
}

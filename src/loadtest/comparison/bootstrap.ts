/**
 * How much a figure of a run would differ if the run were repeated, from how much it differed
 * within the run: blocks of successive parts are drawn anew, many times, with a fixed seed.
 */
import type { HistogramRecord } from '../../base/histogram.ts';
import { createRandom, type Random, randomIndex } from '../../base/random.ts';
import { centreOf } from './centre.ts';

/** A figure of a run as a function of how often each part of the run counts. */
export interface Sampled {
  readonly parts: number;
  figureOf(weights: Float64Array): number;
}

/** Draws; the deviation is then known to about 3 %. */
const draws = 600;
/** With fewer parts, a run says nothing about its own noise. */
export const minParts = 5;

/**
 * Standard deviation of the logarithm of the one figure of `runs`; undefined when a run has too
 * few parts, or figures that have no logarithm.
 */
export function logDeviation(runs: readonly Sampled[], seed: number): number | undefined {
  if (runs.length === 0 || runs.some(({ parts }) => parts < minParts)) return undefined;
  const random = createRandom(seed);
  let [sum, squares] = [0, 0];
  for (let draw = 0; draw < draws; draw++) {
    const centre = centreOf(runs.map((run) => run.figureOf(drawWeights(random, run.parts))));
    if (!(centre > 0)) return undefined;
    sum += Math.log(centre);
    squares += Math.log(centre) ** 2;
  }
  const variance = Math.max(0, squares / draws - (sum / draws) ** 2);
  // Drawn from n parts, figures vary as if there were one part less.
  const parts = runs.reduce((total, run) => total + run.parts, 0);
  return Math.sqrt((variance * parts) / (parts - runs.length));
}

/**
 * How often each part is drawn. Whole blocks are, which go round at the end, since neighbours are
 * alike; their length grows with the cube root of the number of parts (Hall et al. 1995).
 */
function drawWeights(random: Random, parts: number): Float64Array {
  const weights = new Float64Array(parts);
  const length = Math.ceil(Math.cbrt(parts));
  let start = 0;
  for (let drawn = 0; drawn < parts; drawn++) {
    if (drawn % length === 0) start = randomIndex(random, parts);
    const part = (start + (drawn % length)) % parts;
    weights[part] = (weights[part] as number) + 1;
  }
  return weights;
}

/** The mean of a value that each part has. */
export function sampledMean(values: readonly number[]): Sampled {
  return {
    parts: values.length,
    figureOf(weights) {
      let [sum, count] = [0, 0];
      for (const [part, weight] of weights.entries()) {
        sum += weight * (values[part] as number);
        count += weight;
      }
      return sum / count;
    },
  };
}

/** The mean of everything in histograms. */
export function sampledHistogramMean(parts: readonly HistogramRecord[]): Sampled {
  const counts = parts.map((part) => part.counts.reduce((sum, count) => sum + count, 0));
  return {
    parts: parts.length,
    figureOf(weights) {
      let [sum, count] = [0, 0];
      for (const [part, weight] of weights.entries()) {
        sum += weight * (parts[part] as HistogramRecord).sumMs;
        count += weight * (counts[part] as number);
      }
      return sum / count;
    },
  };
}

/** A percentile (0–100) of everything in histograms. */
export function sampledPercentile(parts: readonly HistogramRecord[], percent: number): Sampled {
  const upToMs = [...new Set(parts.flatMap((part) => part.upToMs))].sort((a, b) => a - b);
  const columnOf = new Map(upToMs.map((ms, column) => [ms, column]));
  // This runs hundreds of times over all parts: flat arrays, and loops without iterators.
  const rows = parts.map(({ upToMs: bounds, counts }) => ({
    columns: Uint32Array.from(bounds, (ms) => columnOf.get(ms) as number),
    counts: Float64Array.from(counts),
  }));
  const sums = new Float64Array(upToMs.length);
  return {
    parts: parts.length,
    figureOf(weights) {
      sums.fill(0);
      let total = 0;
      for (const [part, { columns, counts }] of rows.entries()) {
        const weight = weights[part] as number;
        if (weight === 0) continue;
        for (let at = 0; at < columns.length; at++) {
          const count = weight * (counts[at] as number);
          const column = columns[at] as number;
          sums[column] = (sums[column] as number) + count;
          total += count;
        }
      }
      return upToMs[columnAt(sums, (percent / 100) * total)] ?? 0;
    },
  };
}

function columnAt(sums: Float64Array, rank: number): number {
  let seen = 0;
  for (let column = 0; column < sums.length; column++) {
    seen += sums[column] as number;
    if (seen > 0 && seen >= rank) return column;
  }
  return sums.length - 1;
}

/** What a threshold can be about: figures, and what they are measured against. */
import type { Told } from '../../config/told.ts';
import type { Totals } from '../workers/totals.ts';

/** Figures, and what they are measured against. */
export interface RunPart {
  readonly totals: Totals;
  readonly scale: RunScale;
}

/** What the figures of a run, or of a part, are measured against. */
export interface RunScale {
  /** How often clients had to come. */
  readonly target: number;
  /** Measured length of what counts, until now. */
  readonly holdMs: number;
  /** What can be told of the server at all. */
  readonly told: Told;
}

/** Finds the part that a scope names; undefined names the whole run. */
export type PartOf = (scope: string | undefined) => RunPart | undefined;

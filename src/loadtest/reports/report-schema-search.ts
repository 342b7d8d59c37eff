/** The part of a report's schema that a limit search fills. */
import * as z from 'zod';
import { count, percentiles, untold } from './figures-schema.ts';

const ms = z.number();

const trial = z.object({
  level: z.number().describe('clients, or events per second of the publisher'),
  purpose: z.enum(['step', 'bisect', 'confirm', 'repeat']),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  reasons: z.array(z.string()),
  isDoubtful: z
    .boolean()
    .optional()
    .describe('nobody was served, and a few clients were right after it'),
  startMs: ms,
  durationMs: ms,
  active: count,
  failed: count,
  receivedPerSecond: z.number().min(0),
  lost: untold,
  latencyMs: z.object({ p50: percentiles.p50, p99: percentiles.p99, max: percentiles.max, count }),
  cpuPercent: z.number().min(0),
});

/** A search: its trials and its answer. */
export const searchSchema = z.object({
  of: z.enum(['connections', 'rate']),
  slo: z.array(z.string()),
  resolutionPercent: z.number(),
  trials: z.array(trial).max(80),
  holds: z.number().nullable().describe('the highest level that held'),
  breaks: z.number().nullable().describe('the lowest level that did not hold'),
  isConfirmed: z.boolean(),
  ending: z.enum([
    'found',
    'max',
    'nothing',
    'generator',
    'churn',
    'server',
    'events',
    'publisher',
    'machine',
    'time',
    'interrupted',
  ]),
  answer: z.string(),
});

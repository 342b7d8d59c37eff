/** Settings of the load tester's limit search. */
import * as z from 'zod';
import { amount, duration } from '../fields.ts';

/** Part of section `loadtest`; `conditions` is the field kind for what has to hold. */
export function searchFields<Conditions extends z.ZodType>(conditions: Conditions) {
  return {
    findMax: z
      .enum(['connections', 'rate'], { error: 'expected connections or rate' })
      .optional()
      .describe(
        'look for the most clients, or the highest rate of the publisher, that --slo allows',
      )
      .meta({ value: '<connections|rate>' }),
    slo: conditions
      .optional()
      .describe('what has to hold at each level, such as "latency.p99 < 50ms & lost == 0"')
      .meta({ value: '<expression...>' }),
    searchMax: amount({ min: 1, max: 10_000_000 })
      .prefault(50_000)
      .describe('the highest level to try')
      .meta({ flag: 'max' }),
    searchTrialMs: duration({ bareSeconds: true, min: 500 })
      .prefault('10s')
      .describe('how long to measure at each level; the answer is measured for twice as long')
      .meta({ flag: 'trial' }),
    searchResolution: amount({ min: 0.1, max: 100 })
      .prefault(5)
      .describe('how far apart what holds and what does not may be at the end, in percent')
      .meta({ flag: 'resolution' }),
    searchTimeMs: duration({ bareSeconds: true, min: 1_000 })
      .prefault('15m')
      .describe('the longest that a search may take'),
  };
}

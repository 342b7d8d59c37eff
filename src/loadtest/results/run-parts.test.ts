/** Tests of run-parts.ts: what the figures of each kind of clients are measured against. */
import { expect, test } from 'vitest';
import { stateOf, workerReport } from '../../../test/support/worker-states.ts';
import { configSchema } from '../../config/schema.ts';
import { stagesOf } from '../plan/timeline.ts';
import { RunParts } from './run-parts.ts';
import { observe } from './thresholds.ts';

test('clients that misbehave are measured until the end of the run, and so is their rate', () => {
  const { loadtest: config } = configSchema.parse({
    loadtest: { connections: 20, slowPercent: 50 },
  });
  const parts = new RunParts(config, stagesOf(config));
  const report = workerReport();
  const state = stateOf(workerReport({}, { groups: [report, report] }));
  const states = [{ ...state, clientsByGroup: [10, 10] }];
  const groups = parts.groups(states, { measuredMs: 2_000, sinceMeasuredMs: 5_000 });
  const rates = groups.map(({ name, totals, scale }) => [name, observe('rate', totals, scale)]);
  expect(rates).toEqual([
    ['', 5],
    ['slow', 2],
  ]);
});

/** Writes the files that are generated from the configuration and the metrics; `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { configJsonSchema } from '../src/config/describe.ts';
import { configPage, sampleFile } from '../src/config/document.ts';
import { createRunMetrics, type RunState } from '../src/loadtest/live/run-metrics.ts';
import { reportJsonSchema } from '../src/loadtest/reports/report-schema.ts';
import { Counters } from '../src/server/reporting/counters.ts';
import { createMetrics } from '../src/server/reporting/metrics.ts';
import type { NodeState } from '../src/server/reporting/node-state.ts';
import { metricsPage } from './metrics-page.ts';

/** Generated files by path, with their content as it should be. */
export function generatedFiles(): Record<string, string> {
  // Only names are asked for, so the parts of the node are empty.
  const parts: Record<PropertyKey, unknown> = { counters: new Counters() };
  const state = new Proxy(parts, { get: (known, part) => known[part] ?? {} });
  const registry = createMetrics(state as unknown as NodeState);
  const told = { time: true, sequence: true, odin: true };
  const runMetrics = createRunMetrics(() => ({}) as RunState, told);
  return {
    'docs/config.md': configPage(),
    'docs/metrics.md': metricsPage(registry, runMetrics.registry),
    'templates/loadtest-report.schema.json': `${JSON.stringify(reportJsonSchema(), null, 2)}\n`,
    'templates/odin.yaml': sampleFile(),
    'templates/odin.schema.json': `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
  };
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(generatedFiles())) writeFileSync(path, text);
}

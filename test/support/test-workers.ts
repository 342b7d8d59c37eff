/** How many test files of a run are at work at once, and whether any of them needs a broker. */
import type { TestProject } from 'vitest/node';

/** Whether more than unit tests run. */
export function needsBrokers({ vitest }: TestProject): boolean {
  return vitest.projects.some(({ name }) => name !== 'unit' && name !== 'multi');
}

/** The most test files that run side by side and use brokers. */
export function workersOf({ vitest }: TestProject): number {
  const projects = vitest.projects.filter(({ name }) => name !== 'unit');
  return Math.max(1, ...projects.map(({ config }) => Number(config.maxWorkers)));
}

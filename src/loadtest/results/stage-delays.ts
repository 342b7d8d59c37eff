/** Whether the stages of a run began and ended when they had to, here and in the workers. Pure. */
import { formatMs } from '../../base/units.ts';

/** How late a stage was, in milliseconds. */
export interface StageDelay {
  readonly name: string;
  /** Whether it counts for the run. */
  readonly isMeasured: boolean;
  /** By how much it lasted longer than planned; 0 where it waits for clients, or ended early. */
  readonly overtimeMs: number;
  /** For how long the load test's own process stood still in it, at most at a time. */
  readonly stalledMs: number;
  /** How late each worker began it, and was at its end. */
  readonly lateMs: readonly number[];
  readonly lateEndMs: readonly number[];
}

/** From here on, the clients that came and went, and what was measured, are of another shape. */
const maxLateMs = 500;
const allowed = `(allowed: less than ${maxLateMs}ms)`;

/** The first stage that ended late because the load test's own process stood still; one line. */
export function ownDelaysOf(stages: readonly StageDelay[]): string[] {
  const late = stages.find(({ overtimeMs }) => overtimeMs >= maxLateMs);
  if (late === undefined) return [];
  const { name, overtimeMs } = late;
  // It was late for as long as it stood still, less what was left of the stage.
  const stalledMs = Math.max(late.stalledMs, overtimeMs);
  return [
    `the load test's own process stood still for ${formatMs(stalledMs)}: ` +
      `${name} ended ${formatMs(overtimeMs)} late ${allowed}`,
  ];
}

/** Of each worker the first begin or end of a measured stage that it was late for; one line each. */
export function workerDelaysOf(
  stages: readonly StageDelay[],
  nameOf: (worker: number) => string,
): string[] {
  const measured = stages.filter(({ isMeasured }) => isMeasured);
  const workers = Math.max(0, ...measured.map(({ lateMs }) => lateMs.length));
  return Array.from({ length: workers }, (_, worker) => {
    for (const { name, lateMs, lateEndMs } of measured) {
      for (const [did, ms = 0] of [
        ['began', lateMs[worker]],
        ['ended', lateEndMs[worker]],
      ] as const) {
        if (ms >= maxLateMs)
          return [`${nameOf(worker)} ${did} ${name} ${formatMs(ms)} late ${allowed}`];
      }
    }
    return [];
  }).flat();
}

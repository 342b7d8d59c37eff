/** The report of a worker from the counters of its clients. */
import type { ClientContext } from './client-context.ts';
import { perPhase } from './connect-phases.ts';
import { maxListedGaps, maxToldChannels, type WorkerReport } from './worker-messages.ts';

/** Everything that the clients of `context` counted until now; channels only in the last one. */
export function workerReport(
  context: ClientContext,
  latency: Pick<WorkerReport, 'latency' | 'stageLatency'>,
  generator: WorkerReport['generator'],
  isLast: boolean,
): WorkerReport {
  const { counters, ledger } = context;
  const { opened, failed, dropped, moved, reconnected, active, left } = counters;
  const away = opened - active - left;
  const { received, frames, bytes, control, badMessages, seqBreaks, epochChanges } = counters;
  const { serverErrors, gapNotices, throttleUpdates, reconnectNotices } = counters;
  return {
    connections: { opened, failed, dropped, moved, reconnected, active, left, away },
    messages: {
      ...ledger.counts(),
      received,
      frames,
      bytes,
      control,
      badMessages,
      seqBreaks,
      epochChanges,
      serverErrors,
      gapNotices,
      throttleUpdates,
      reconnectNotices,
    },
    ...latency,
    lostByStage: ledger.lostByStage(),
    phases: perPhase((phase) => context.phases[phase].snapshot()),
    refused: [...counters.refused],
    clock: context.clock.estimate,
    errors: context.errors.list(),
    gaps: ledger.gaps(maxListedGaps),
    channels: isLast ? ledger.channels(maxToldChannels) : undefined,
    closeCodes: [...counters.closeCodes],
    generator,
  };
}

/** The summary line: one log line per interval that says how the server is doing. */
import type { Log } from '../../host/log.ts';
import type { NodeState } from './node-state.ts';

/** Logs a summary every `intervalMs` while there is something to say. */
export function startSummary(state: NodeState, intervalMs: number, log: Log): Disposable {
  let lastDelivered = 0;
  let lastIngested = 0;
  let isOver = false;
  const summarize = async () => {
    await state.refresh();
    if (isOver) return;
    const { connections, counters, delivery } = state;
    const delivered = counters.messagesDelivered - lastDelivered;
    const ingested = counters.eventsIngested - lastIngested;
    lastDelivered += delivered;
    lastIngested += ingested;
    if (connections.size === 0 && ingested === 0) return;
    const perSecond = (count: number) => Math.round((count * 1_000) / intervalMs);
    const shards = state.shards().map((figures) => figures.connections);
    log.info(
      {
        connections: connections.size,
        ...(state.mode === 'multi' && { shards }),
        behind: delivery.behind,
        cohorts: delivery.cohorts,
        eventsPerSecond: perSecond(ingested),
        deliveredPerSecond: perSecond(delivered),
        lagRecords: state.consumer().lagRecords,
      },
      'serving',
    );
  };
  const timer = setInterval(() => void summarize(), intervalMs);
  return {
    [Symbol.dispose]() {
      isOver = true;
      clearInterval(timer);
    },
  };
}

/** Metrics of the throttle levels and of what lagging clients were spared. */
import { Counter, type Registry } from 'prom-client';
import { eventTypes, type Priority } from '../../events/event-types.ts';
import { gauge, labelled } from '../reporting/metric-kinds.ts';
import type { NodeState } from '../reporting/node-state.ts';

/** Adds them to a registry. */
export function addThrottleMetrics(registry: Registry, { delivery, counters }: NodeState): void {
  const { throttle } = delivery;
  for (const [level, name] of [
    [1, 'light'],
    [2, 'medium'],
    [3, 'heavy'],
  ] as const) {
    const help = `Clients at throttle level ${level}`;
    gauge(registry, `ws_throttled_clients_${name}`, help, () => throttle.clientsAt(level));
  }
  new Counter({
    name: 'ws_throttle_transitions_total',
    help: 'Changes of throttle level',
    labelNames: ['from_level', 'to_level'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [change, count] of counters.throttleTransitions) {
        const [from_level = '', to_level = ''] = change.split(' ');
        this.inc({ from_level, to_level }, count);
      }
    },
  });
  labelled(
    registry,
    `odin_events_spared_total`,
    'Events that lagging clients were not sent, by priority; clients are told',
    'priority',
    () => sparedByPriority(counters.spared),
  );
}

/** What was spared, put together. */
export function sparedByPriority(
  spared: NodeState['counters']['spared'],
): ReadonlyMap<Priority, number> {
  const counts = new Map<Priority, number>();
  for (const [type, count] of spared) {
    const { priority } = eventTypes[type];
    counts.set(priority, (counts.get(priority) ?? 0) + count);
  }
  return counts;
}

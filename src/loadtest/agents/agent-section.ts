/** Makes what the report says of an agent from the states of its workers. */
import type { Machine } from '../../host/machine.ts';
import { percentilesOf } from '../results/percentiles.ts';
import type { AgentSection } from '../results/report.ts';
import { totalsOf } from '../workers/totals.ts';
import type { WorkerState } from '../workers/worker-pool.ts';
import type { AgentLink } from './agent-link.ts';

/** The section of one agent, from the states of its workers. */
export function agentSection(
  agent: AgentLink,
  machine: Machine,
  workers: readonly WorkerState[],
): AgentSection {
  const { connections, messages, latency, generator } = totalsOf(workers);
  return {
    name: agent.name,
    machine,
    workers: workers.length,
    clients: workers.reduce((sum, { clients }) => sum + clients, 0),
    opened: connections.opened,
    failed: connections.failed,
    active: connections.active,
    received: messages.received,
    lost: messages.lost,
    latencyMs: { ...percentilesOf(latency), count: latency.count },
    ...generator,
    clock: agent.clock ?? null,
    clockCorrectedMs: agent.clockAheadMs,
    loss: agent.loss ?? null,
    lostAfterMs: Number.isFinite(agent.lostAfterMs) ? agent.lostAfterMs : null,
  };
}

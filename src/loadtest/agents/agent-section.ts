/** What the report says of each agent of a distributed run. */
import type { Machine } from '../../host/machine.ts';
import type { ClockOffset } from '../client/clock-offset.ts';
import { type CountedPercentiles, percentilesOf } from '../results/percentiles.ts';
import { totalsOf } from '../workers/totals.ts';
import type { WorkerState } from '../workers/worker-pool.ts';
import type { AgentLink } from './agent-link.ts';

/** One agent: what it was asked for and what it did. */
export interface AgentSection {
  /** The host as it was given, or `local-1`… */
  readonly name: string;
  readonly machine: Machine;
  readonly workers: number;
  /** Clients that it was asked to open. */
  readonly clients: number;
  readonly opened: number;
  readonly failed: number;
  /** Clients that were open at the end. */
  readonly active: number;
  /** Events, over the whole run. */
  readonly received: number;
  /** Null where events are not numbered. */
  readonly lost: number | null;
  /** Over the hold phase. */
  readonly latencyMs: CountedPercentiles;
  /** Of its busiest worker; 100 is one core. */
  readonly cpuPercent: number;
  readonly loopDelayP99Ms: number;
  /** Of all its workers. */
  readonly rssBytes: number;
  /** How far its clock is ahead of the coordinator's; null when it never told its time. */
  readonly clock: ClockOffset | null;
  /** What its times were put back by, in milliseconds; 0 when the clocks could not be told apart. */
  readonly clockCorrectedMs: number;
  /** Why it was lost during the run; null when it was there to the end. */
  readonly loss: string | null;
  /** When that was, in milliseconds after the start of the run; older reports lack it. */
  readonly lostAfterMs?: number | null | undefined;
}

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

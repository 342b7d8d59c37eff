/** The agents of a distributed run as a table, and what happened to those that were lost. */
import { formatCount, formatMs } from '../../base/units.ts';
import type { LoadTestReport } from '../results/report.ts';
import { formatClock, type Table } from './tables.ts';

/** The agents of a distributed run, one by one; without rows when there were none. */
export function agentTable({ agents = [] }: LoadTestReport): Table {
  const isWhole = agents.every(({ loss }) => loss === null);
  return {
    title: 'Agents',
    header: ['agent', 'clients', 'opened', 'events', 'lost', 'p50', 'p99', 'CPU', 'clock ahead by'],
    rows: agents.map((agent) => [
      agent.name,
      formatCount(agent.clients),
      formatCount(agent.opened),
      formatCount(agent.received),
      agent.lost === null ? '–' : formatCount(agent.lost),
      ...(agent.latencyMs.count === 0
        ? ['', '']
        : [formatMs(agent.latencyMs.p50), formatMs(agent.latencyMs.p99)]),
      `${agent.cpuPercent.toFixed(0)}%`,
      formatLoss(agent) ?? formatAgentClock(agent),
    ]),
    note: isWhole
      ? 'Times are by the clock of the coordinator, as far as the clocks could be told apart.'
      : 'Of a lost agent, what it did after its last report is missing, and what became of its clients.',
  };
}

/** What happened to an agent that was lost, and when; undefined for one that was there to the end. */
export function formatLoss({
  loss,
  lostAfterMs,
}: NonNullable<LoadTestReport['agents']>[number]): string | undefined {
  if (loss === null) return undefined;
  return `LOST${lostAfterMs == null ? '' : ` after ${formatMs(lostAfterMs)}`}: ${loss}`;
}

function formatAgentClock({ clock }: NonNullable<LoadTestReport['agents']>[number]): string {
  return clock === null ? 'unknown' : formatClock(clock);
}

/** The load tester and where it ran, as tables. */
import { formatBytes, formatCount, formatLength, formatMs } from '../../base/units.ts';
import type { LoadTestReport } from '../results/report.ts';
import { usedSettings } from '../results/used-settings.ts';
import type { WorkerHealth } from '../workers/worker-health.ts';
import { formatClock, type Table } from './tables.ts';

/** The load tester itself: each worker, and all together. */
export function generatorTable({ generator }: LoadTestReport): Table {
  const { workers, cpuPercent, loopDelayP99Ms, rssBytes, perWorker } = generator;
  const { bottlenecks, receiveQueue } = generator;
  const row = (name: string, health: Pick<WorkerHealth, 'cpuPercent' | 'loopDelayP99Ms'>) => [
    name,
    `${health.cpuPercent.toFixed(0)}%`,
    formatMs(health.loopDelayP99Ms),
  ];
  return {
    title: 'Load generator',
    header: [
      ...['worker', 'CPU', 'loop delay p99', 'GC', 'longest GC', 'stalls', 'longest stall'],
      'memory',
    ],
    rows: [
      ...perWorker.map((health, index) =>
        health === null
          ? [String(index + 1), 'never reported', '', '', '', '', '', '']
          : [
              ...row(String(index + 1), health),
              `${health.gcPercent.toFixed(1)}%`,
              formatMs(health.longestGcMs),
              formatCount(health.stalls),
              formatMs(health.longestStallMs),
              formatBytes(health.rssBytes),
            ],
      ),
      [
        ...row(workers === 1 ? 'in all' : `worst of ${workers}`, { cpuPercent, loopDelayP99Ms }),
        ...['', '', '', ''],
        formatBytes(rssBytes),
      ],
    ],
    note: `${
      bottlenecks.length === 0
        ? 'The load generator kept up: it was not the bottleneck.'
        : `The load generator was the bottleneck: ${bottlenecks.join('; ')}.`
    }${receiveQueueNote(receiveQueue)}`,
  };
}

function receiveQueueNote(queue: LoadTestReport['generator']['receiveQueue']): string {
  if (queue === null) return '';
  const { looks, medianBytes, maxTotalBytes } = queue;
  const median = `the middle socket had ${formatBytes(medianBytes)} unread`;
  return ` In ${looks} looks ${median}, all together ${formatBytes(maxTotalBytes)} at most.`;
}

function settingText(value: unknown): string {
  if (value === undefined) return '';
  const isPlain = typeof value !== 'object' || Array.isArray(value);
  return isPlain ? [value].flat().join(', ') : JSON.stringify(value);
}

/** Settings that had an effect; those without a value are not there. */
function settingRows(config: LoadTestReport['config']): string[][] {
  const { settings, idle } = usedSettings(config);
  return Object.entries(settings)
    .filter(([name]) => name in config && name !== 'url' && !idle.has(name))
    .map(([name, value]) => [name, settingText(value)])
    .filter(([, text]) => text !== '');
}

/** Where and how it ran. */
export function environmentTable(report: LoadTestReport): Table {
  const { machine, config, clock, startedAt, durationMs, holdMs, url } = report;
  return {
    title: 'Environment',
    header: ['what', 'value'],
    rows: [
      ['server', url],
      ['started', startedAt],
      ['length', formatLength(durationMs)],
      ['held for', formatLength(holdMs)],
      ...(clock === null
        ? []
        : [
            ['server’s clock ahead by', formatClock(clock)],
            ['shortest round trip', formatMs(clock.roundTripMs)],
          ]),
      ['Node', machine.node],
      ['system', machine.system],
      ['CPU', `${machine.cpus} × ${machine.cpuModel || 'unknown'}`],
      ['memory', formatBytes(machine.memoryBytes)],
      ...settingRows(config),
    ],
  };
}

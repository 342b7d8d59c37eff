/** The load test: what its metrics come to, above the list of all of them. */
import {
  formatAge,
  formatFigure,
  formatMillis,
  formatPercent,
  formatPerSecond,
  formatSize,
} from '../figures-text.ts';
import type { FleetFigures } from '../fleet-figures.ts';
import type { Glyphs } from '../glyphs.ts';
import { type Line, line } from '../line.ts';
import { sparkline } from '../sparkline.ts';
import { awayLines } from './away-lines.ts';

/** For a terminal of so many columns. */
export function loadSummary(
  loadtest: FleetFigures['loadtest'],
  columns: number,
  glyphs: Glyphs,
): Line[] {
  if (loadtest === undefined) return [line('  no load test is watched', 'dim')];
  const { sight, metrics, course } = loadtest;
  const remedy = '`odin loadtest --prometheus 9464` serves its metrics; --loadtest-url says where';
  const head = awayLines(sight, remedy, glyphs);
  const find = (name: string) => metrics.find((metric) => metric.name === `odin_loadtest_${name}`);
  if (find('clients_target') === undefined) return head;
  const count = (name: string) => formatFigure(find(name)?.value);
  const seconds = (name: string) => {
    const value = find(name)?.value;
    return value === undefined || Number.isNaN(value) ? undefined : value * 1_000;
  };
  const phase = metrics.find(
    ({ name, value }) => name.startsWith('odin_loadtest_phase{') && value === 1,
  );
  const named = /phase="(\w+)"/.exec(phase?.name ?? '')?.[1] ?? 'over';
  const latency = (quantile: string) =>
    formatMillis(seconds(`latency_quantile_seconds{quantile="${quantile}"}`));
  const busiest = find('worker_cpu_ratio')?.value;
  const rows: [string, string][] = [
    ['phase', `${named} for ${formatAge(seconds('elapsed_seconds') ?? 0)}`],
    [
      'clients',
      `${count('clients_active')} of ${count('clients_target')} open, ${count('clients_failed_total')} failed, ${count('connections_dropped_total')} dropped, ${count('reconnects_total')} came back`,
    ],
    [
      'received',
      `${formatPerSecond(find('events_received_total')?.perSecond)}, ${formatSize(find('received_bytes_total')?.perSecond)}/s`,
    ],
    ['latency', `p50 ${latency('0.5')}, p99 ${latency('0.99')}, most ${latency('1')}`],
    [
      'wrong',
      `${count('events_lost_total')} lost, ${count('events_duplicated_total')} doubled, ${count('events_reordered_total')} out of order, ${count('events_unrecovered_total')} not recovered`,
    ],
    [
      'itself',
      `busiest worker ${formatPercent(busiest === undefined ? undefined : busiest * 100)} of a core, ${formatSize(find('workers_resident_bytes')?.value)}`,
    ],
  ];
  const width = Math.max(0, columns - 14);
  return [
    ...head,
    ...rows.map(([name, text]): Line => [{ text: ` ${name.padEnd(12)}`, tone: 'dim' }, { text }]),
    [
      { text: ' '.repeat(13) },
      { text: sparkline(course.last(width), width, glyphs), tone: 'accent' },
    ],
  ];
}

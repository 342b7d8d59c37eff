/** A limit search as a table: each level that was tried, and what came of it. */
import { formatCount, formatLength, formatMs } from '../../base/units.ts';
import type { LoadTestReport } from '../results/report.ts';
import { formatLevel, type TrialReport } from '../results/search-report.ts';
import type { Table } from './tables.ts';

const verdicts: Readonly<Record<TrialReport['verdict'], string>> = {
  pass: 'holds',
  fail: 'does not hold',
  inconclusive: 'inconclusive',
};

/** Each level in the order it was tried; without rows when nothing was searched for. */
export function trialTable({ search }: LoadTestReport): Table {
  return {
    title: 'Limit search',
    header: [
      'level',
      'tried as',
      'measured',
      'open',
      'failed',
      'events/s',
      'p50',
      'p99',
      'max',
      'lost',
      'CPU',
      'verdict',
    ],
    rows: (search?.trials ?? []).map((trial) => {
      const { p50, p99, max, count } = trial.latencyMs;
      return [
        formatLevel(search?.of ?? 'connections', trial.level),
        trial.purpose,
        formatLength(trial.durationMs),
        formatCount(trial.active),
        formatCount(trial.failed),
        formatCount(trial.receivedPerSecond),
        ...[p50, p99, max].map((ms) => (count > 0 ? formatMs(ms) : '')),
        trial.lost === null ? '–' : formatCount(trial.lost),
        `${trial.cpuPercent.toFixed(0)}%`,
        [verdicts[trial.verdict], ...trial.reasons].join(': '),
      ];
    }),
    note:
      search === undefined
        ? ''
        : `${search.answer}. What had to hold: ${search.slo.join(', ')}. ` +
          'CPU is that of the load generator’s busiest worker.',
  };
}

/** A trial in one line: `1 000 clients hold: p99 12.3ms, 48 210 events/s`. */
export function trialLine(of: 'connections' | 'rate', trial: TrialReport): string {
  const { level, verdict, reasons, latencyMs, receivedPerSecond } = trial;
  const figures = `p99 ${formatMs(latencyMs.p99)}, ${formatCount(receivedPerSecond)} events/s`;
  const [holds, fails] = level === 1 ? ['holds', 'does not hold'] : ['hold', 'do not hold'];
  const how = { pass: holds, fail: fails, inconclusive: 'inconclusive' }[verdict];
  return `${formatLevel(of, level)} ${how}: ${[...reasons, figures].join('; ')}`;
}

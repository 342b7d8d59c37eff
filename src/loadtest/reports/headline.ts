/** The figures that everybody asks for first, of a run or of the level that a search found. */
import { formatCount, formatMs } from '../../base/units.ts';
import type { LoadTestReport } from '../results/report.ts';
import { formatLevel, type SearchReport } from '../results/search-report.ts';

/** A figure and its name; a bad one is one to look into. */
export interface HeadFigure {
  readonly name: string;
  readonly value: string;
  readonly isBad: boolean;
}

const none = '–';

/** What stands on top of a page. */
export function headline(report: LoadTestReport): readonly HeadFigure[] {
  const { connections, messages, latencyMs, holdMs, errors, search } = report;
  const failures = errors.reduce((sum, { count }) => sum + count, 0);
  const errorFigure = figure('errors', formatCount(failures), failures > 0);
  if (search !== undefined) return [...searchFigures(search), errorFigure];
  const rate = holdMs > 0 ? formatCount(latencyMs.count / (holdMs / 1_000)) : none;
  const lost = messages.received > 0 ? messages.lost : null;
  return [
    figure(
      'clients',
      `${formatCount(connections.opened)} / ${formatCount(connections.target)}`,
      connections.opened < connections.target,
    ),
    figure('events/s', rate),
    figure('latency p50', latencyMs.count > 0 ? formatMs(latencyMs.p50) : none),
    figure('latency p99', latencyMs.count > 0 ? formatMs(latencyMs.p99) : none),
    lostFigure(lost),
    errorFigure,
  ];
}

/** Of the trial that confirmed the level, or was the last to hold. */
function searchFigures({ of, holds, trials }: SearchReport): HeadFigure[] {
  const best = trials.findLast(({ level, verdict }) => level === holds && verdict === 'pass');
  if (best === undefined) return [figure('holds', 'nothing', true)];
  const { latencyMs, receivedPerSecond, lost } = best;
  return [
    figure('holds', formatLevel(of, best.level)),
    figure('events/s then', formatCount(receivedPerSecond)),
    figure('latency p50 then', latencyMs.count > 0 ? formatMs(latencyMs.p50) : none),
    figure('latency p99 then', latencyMs.count > 0 ? formatMs(latencyMs.p99) : none),
    lostFigure(lost),
  ];
}

function lostFigure(lost: number | null): HeadFigure {
  return figure('lost', lost === null ? none : formatCount(lost), lost !== null && lost > 0);
}

function figure(name: string, value: string, isBad = false): HeadFigure {
  return { name, value, isBad };
}

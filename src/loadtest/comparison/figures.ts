/** The figures of one side of a comparison, which is one run or several. */
import { Histogram, type HistogramRecord } from '../../base/histogram.ts';
import type { ThresholdMetric } from '../../config/threshold.ts';
import { toldIn } from '../../config/told.ts';
import type { Run } from '../reports/report-file.ts';
import type { LoadTestReport } from '../results/report.ts';
import type { SeriesPoint } from '../results/series.ts';
import { observe, percents } from '../results/thresholds.ts';
import { countsOf } from '../results/told-counts.ts';
import { ErrorLog } from '../socket/error-log.ts';
import { type Totals, totalsOf } from '../workers/totals.ts';
import {
  logDeviation,
  minParts,
  type Sampled,
  sampledHistogramMean,
  sampledMean,
  sampledPercentile,
} from './bootstrap.ts';

/** A figure of each run; null for a run that did not measure it. */
export function figuresOf(runs: readonly Run[], metric: ThresholdMetric): (number | null)[] {
  return runs.map(({ report }) => {
    const told = toldIn(report.config);
    const scale = { target: report.connections.target, holdMs: report.holdMs, told };
    return observe(metric, totalsIn(report), scale);
  });
}

/**
 * Deviation of the logarithm of a side's mean figure; undefined for a figure that is not known of
 * the parts of a run.
 */
export function noiseOf(
  runs: readonly Run[],
  metric: ThresholdMetric,
  seed: number,
): number | undefined {
  const sampled = runs.map(({ report }) => sampledOf(report, metric));
  if (sampled.some((run) => run === undefined)) return undefined;
  return logDeviation(sampled as Sampled[], seed);
}

/** Whether runs that are long enough tell how much a figure varies by itself. */
export function hasBounds(metric: ThresholdMetric): boolean {
  if (metric === 'rate' || metric === 'latency.mean') return true;
  const [source, quantile = ''] = metric.split('.');
  // The greatest is that of one event, and varies as it likes.
  return source === 'latency' && quantile !== 'max' && quantile in percents;
}

/** Parts of the run that has the fewest. */
export function partsOf(runs: readonly Run[]): number {
  return Math.min(...runs.map(({ report }) => report.histograms.latencyParts.length));
}

function sampledOf(report: LoadTestReport, metric: ThresholdMetric): Sampled | undefined {
  const { latencyParts } = report.histograms;
  if (metric === 'rate') {
    return sampledMean(measuredPoints(report).map(({ receivedPerSecond }) => receivedPerSecond));
  }
  if (metric === 'latency.mean') return sampledHistogramMean(latencyParts);
  if (!hasBounds(metric)) return undefined;
  return sampledPercentile(latencyParts, percents[metric.split('.')[1] ?? ''] as number);
}

/** Those with the same clients all the time; of stages that only go up and down, all that counts. */
function measuredPoints({ series, config }: LoadTestReport): readonly SeriesPoint[] {
  const held = series.points.filter(({ phase }) => phase === 'hold');
  if (held.length >= minParts || config.stages.length === 0) return held;
  return series.points.filter(({ phase }) => phase !== 'settle');
}

/** What thresholds look at, from a report. */
function totalsIn(report: LoadTestReport): Totals {
  const { connections, messages, histograms, errors } = report;
  const { refused, target: _, ...counts } = connections;
  const log = new ErrorLog();
  for (const error of errors) log.add(error.class, error.example, error.count);
  return {
    ...totalsOf([]),
    connections: { ...counts, returning: 0, strayed: 0, upgraded: 0, vanished: 0 },
    messages: countsOf(messages),
    refused: new Map(Object.entries(refused)),
    latency: latencyIn(report),
    connect: Histogram.fromRecord(histograms.connect),
    returns: recorded(histograms.return),
    acks: recorded(histograms.ack),
    errors: log,
  };
}

function recorded(record: HistogramRecord | undefined): Histogram {
  return record === undefined ? new Histogram() : Histogram.fromRecord(record);
}

/** Of events without a time there is the number only. */
function latencyIn({ latencyMs, histograms }: LoadTestReport): Histogram {
  const latency = Histogram.fromRecord(histograms.latency);
  if (latencyMs.p50 === null && latencyMs.count > 0) latency.record(0, latencyMs.count);
  return latency;
}

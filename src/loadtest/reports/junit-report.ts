/** A report as JUnit XML, for build servers: one test case per condition of the run. */
import type { LoadTestReport } from '../results/report.ts';
import type { ThresholdResult } from '../results/thresholds.ts';
import { escapeMarkup } from './escape.ts';
import { formatObserved } from './tables.ts';

/** The report as one test suite; a run without a verdict has an error instead of failures. */
export function junitReport(report: LoadTestReport): string {
  const { thresholds, verdict, reasons, startedAt, durationMs, url } = report;
  const hasNoVerdict = verdict === 'inconclusive' || verdict === 'interrupted';
  const failed = hasNoVerdict ? 0 : thresholds.filter(({ ok }) => !ok).length;
  const counts = {
    tests: thresholds.length + 1,
    failures: failed + (verdict === 'fail' && failed === 0 ? 1 : 0),
    errors: hasNoVerdict ? 1 : 0,
    skipped: hasNoVerdict ? thresholds.filter(({ ok }) => !ok).length : 0,
  };
  const totals = Object.entries(counts).map(([name, count]) => attribute(name, String(count)));
  const time = attribute('time', (durationMs / 1_000).toFixed(3));
  const head = `${attribute('name', `odin loadtest ${url}`)}${totals.join('')}${time}`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${head}>`,
    `  <testsuite${head}${attribute('timestamp', startedAt.replace(/(\.\d+)?Z$/, ''))}>`,
    ...thresholds.map((result) => caseOf(result, hasNoVerdict)),
    verdictCase(verdict, reasons, failed),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function caseOf(result: ThresholdResult, hasNoVerdict: boolean): string {
  const kind = result.isBuiltIn ? 'odin loadtest.built-in' : 'odin loadtest.threshold';
  const text = `observed ${formatObserved(result)}`;
  // What a run without a verdict did not meet may be the load tester's own fault.
  const element = hasNoVerdict ? 'skipped' : 'failure';
  const outcome = result.ok ? '' : `<${element}${attribute('message', text)}/>`;
  return testCase(result.expression, kind, outcome);
}

/** What is said of the run as a whole: that it came to a verdict, and why if it did not. */
function verdictCase(
  verdict: LoadTestReport['verdict'],
  reasons: readonly string[],
  failed: number,
): string {
  const text = attribute('message', reasons.join('\n') || verdict);
  if (verdict === 'pass' || (verdict === 'fail' && failed > 0)) {
    return testCase('the run came to a verdict', 'odin loadtest', '');
  }
  const element = verdict === 'fail' ? 'failure' : 'error';
  const outcome = `<${element}${text}${attribute('type', verdict)}/>`;
  return testCase('the run came to a verdict', 'odin loadtest', outcome);
}

function testCase(name: string, kind: string, outcome: string): string {
  const head = `    <testcase${attribute('name', name)}${attribute('classname', kind)}`;
  return outcome === '' ? `${head}/>` : `${head}>${outcome}</testcase>`;
}

function attribute(name: string, value: string): string {
  return ` ${name}="${escapeMarkup(value).replaceAll('\n', '&#10;')}"`;
}

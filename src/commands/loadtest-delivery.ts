/** Where the report of a run goes: files, standard output, and where it is kept when these fail. */
import { setImmediate } from 'node:timers/promises';
import { PreflightError } from '../base/errors.ts';
import { fileFault } from '../base/file-fault.ts';
import type { Host } from '../host/host.ts';
import { write } from '../host/output.ts';
import type { LoadTestReport } from '../loadtest/results/report.ts';

interface Destination {
  /** Files to write. */
  readonly paths: readonly string[];
  readonly host: Host;
  /** Whether JSON is printed, and not text. */
  readonly isJson: boolean;
}

/**
 * Writes and prints a report. When a part of that fails, it throws a PreflightError in the end, which
 * says where the whole report is.
 */
export async function deliverReport(
  report: LoadTestReport,
  { paths, host, isJson }: Destination,
): Promise<void> {
  const { writeOutputs } = await import('../loadtest/reports/outputs.ts');
  const { keepReport } = await import('../loadtest/reports/rescue.ts');
  // Files first: they do not wait for somebody who reads the rest page by page.
  const faults = await writeOutputs(paths, report, host.signal);
  const text = isJson ? await jsonOf(report) : await textOf(report, host);
  const unprinted = await print(text, host);
  if (faults.length === 0 && unprinted === undefined) return;
  const lost = new Set(faults.map(({ path }) => path));
  const isPrinted = isJson && unprinted === undefined;
  const isWhole = (path: string) => /\.json$/i.test(path) && !lost.has(path);
  const file = paths.find(isWhole) ?? (isPrinted ? undefined : await keepReport(report));
  // With nowhere else to put it, it is printed.
  if (file === undefined && !isPrinted) {
    await write(unprinted === undefined ? host.stdout : host.stderr, await jsonOf(report));
  }
  const place =
    file === undefined ? 'printed, as JSON' : `in ${file}: odin loadtest report ${file}`;
  const hints = [...faults, unprinted].flatMap((fault) => fault?.hint ?? []);
  throw new PreflightError(
    [...faults, unprinted].flatMap((fault) => fault?.message ?? []).join('\n'),
    { hint: [...new Set(hints), `the whole report is ${place}`].join('\n') },
  );
}

/** Returns what standard output did not take. */
async function print(text: string, { stdout, onOutputFailure }: Host) {
  let fault: { message: string; hint: string | undefined } | undefined;
  using _ = onOutputFailure((error) => {
    const { reason, hint } = fileFault(error, '-', 'write');
    fault = { message: `cannot print the report: ${reason}`, hint };
  });
  await write(stdout, text);
  // A failure is told behind the call that it is of.
  await setImmediate();
  return fault;
}

async function jsonOf(report: LoadTestReport): Promise<string> {
  const { jsonReport } = await import('../loadtest/reports/json-report.ts');
  return jsonReport(report);
}

/** The report as text, with a line break at its end, as wide as the terminal allows. */
export async function textOf(report: LoadTestReport, { stdout }: Host): Promise<string> {
  const { formatReport } = await import('../loadtest/reports/text-report.ts');
  return `${formatReport(report, stdout.isTTY === true ? stdout.columns : undefined)}\n`;
}

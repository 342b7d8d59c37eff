/** Reads reports that earlier runs wrote. */
import { UsageError } from '../../base/errors.ts';
import { cannotRead, noSuchFile } from '../../base/file-fault.ts';
import { isObject } from '../../base/values.ts';
import type { LoadTestReport } from '../results/report.ts';
import { parseReport } from './report-schema.ts';

/** Faults of one file that are told. */
const maxFaults = 3;
const writeHint = 'write one with: odin loadtest --out run.json';

/** The report of a run that is over, and the file that it came from. */
export interface Run {
  readonly path: string;
  readonly report: LoadTestReport;
}

/** Text of a file; undefined when there is none. */
type ReadText = (path: string) => Promise<string | undefined>;

/** The reports in some files, by path. Throws a UsageError that names every one that is none. */
export async function readReports(
  paths: readonly string[],
  readText: ReadText,
): Promise<ReadonlyMap<string, Run>> {
  const read = await Promise.allSettled(paths.map((path) => readReport(path, readText)));
  const faults = read.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const other = faults.find((fault) => !(fault instanceof UsageError));
  if (other !== undefined) throw other;
  if (faults.length > 0) {
    const told = faults as UsageError[];
    const hints = new Set(told.flatMap(({ hint }) => hint?.split('\n') ?? []));
    throw new UsageError(told.map(({ message }) => message).join('\n'), {
      hint: [...hints].join('\n') || undefined,
    });
  }
  return new Map(
    paths.flatMap((path, at) => {
      const one = read[at];
      return one?.status === 'fulfilled' ? [[path, { path, report: one.value }] as const] : [];
    }),
  );
}

/** The report in a file. Throws a UsageError when there is none that this odin can read. */
export async function readReport(path: string, readText: ReadText): Promise<LoadTestReport> {
  const text = await readText(path);
  if (text === undefined) {
    const { message, hint } = cannotRead(path, noSuchFile);
    throw new UsageError(message, { hint: `${hint}\n${writeHint}` });
  }
  const value = parseJson(text);
  if (value === undefined) {
    throw new UsageError(`${path} is no report of a load test: it is no JSON, or was cut off`, {
      hint: writeHint,
    });
  }
  if (!isObject(value) || !('schemaVersion' in value)) {
    throw new UsageError(`${path} is no report of a load test`, { hint: writeHint });
  }
  if (value['schemaVersion'] !== 1) {
    const version = JSON.stringify(value['schemaVersion']);
    throw new UsageError(`${path} is a report of version ${version}; this odin reads version 1`, {
      hint: 'read it with the odin that wrote it, or run the test again',
    });
  }
  const report = parseReport(value);
  if (!('faults' in report)) return report;
  const lines = report.faults.slice(0, maxFaults).map((fault) => `${path}: ${fault}`);
  const more = report.faults.length - lines.length;
  throw new UsageError(
    [...lines, ...(more > 0 ? [`${path}: … and ${more} more`] : [])].join('\n'),
    {
      hint: `the file was changed, or is another command's report; ${writeHint}`,
    },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

/** The files that a report is written to; what is written follows from how a name ends. */
import { access, constants, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { messageOf, PreflightError, UsageError } from '../../base/errors.ts';
import type { LoadTestReport } from '../report.ts';
import { csvReport } from './csv-report.ts';
import { htmlReport } from './html-report.ts';
import { jsonReport } from './json-report.ts';
import { junitReport } from './junit-report.ts';
import { markdownReport } from './markdown-report.ts';

const renderers: Readonly<Record<string, (report: LoadTestReport) => string | Promise<string>>> = {
  '.json': jsonReport,
  '.html': htmlReport,
  '.xml': junitReport,
  '.csv': csvReport,
  '.md': markdownReport,
};

/**
 * Throws a UsageError for every path that cannot be written or whose format is unknown, all at
 * once: a long run must not end with nowhere to put what it found.
 */
export async function checkOutputs(paths: readonly string[]): Promise<void> {
  const complaints = (await Promise.all(paths.map(complaintOf))).flatMap((found) => found ?? []);
  const seen = new Set<string>();
  for (const path of paths) {
    if (seen.has(resolve(path))) complaints.push({ message: `--out: ${path} is named twice` });
    seen.add(resolve(path));
  }
  if (complaints.length === 0) return;
  throw new UsageError(complaints.map(({ message }) => message).join('\n'), {
    hint: complaints.find(({ hint }) => hint !== undefined)?.hint,
  });
}

/**
 * Writes all files. A file is there as a whole or not at all; one that cannot be written does not
 * keep the others from being written, and throws a PreflightError in the end.
 */
export async function writeOutputs(
  paths: readonly string[],
  report: LoadTestReport,
): Promise<void> {
  const failures: string[] = [];
  for (const path of paths) {
    try {
      await writeWhole(path, await rendererOf(path)(report));
    } catch (error) {
      failures.push(`cannot write ${path}: ${messageOf(error)}`);
    }
  }
  if (failures.length > 0) throw new PreflightError(failures.join('\n'));
}

/** The path may end in upper case. */
function rendererOf(path: string) {
  const render = renderers[extname(path).toLowerCase()];
  if (render === undefined) throw new Error(`no format for ${path}`);
  return render;
}

async function writeWhole(path: string, text: string): Promise<void> {
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => true,
  );
  // A pipe or a terminal cannot be replaced, only written to.
  if (!isFile) return writeFile(path, text);
  const partial = `${path}.partial`;
  try {
    await writeFile(partial, text);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

interface Complaint {
  readonly message: string;
  readonly hint?: string;
}

async function complaintOf(path: string): Promise<Complaint | undefined> {
  if (renderers[extname(path).toLowerCase()] === undefined) {
    return {
      message: `--out: ${path}: no format for a name that ends like this`,
      hint: `name it after its format: ${Object.keys(renderers).join(', ')}`,
    };
  }
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return { message: `--out: ${path} is a folder` };
  try {
    const folder = dirname(path);
    // The owner of the machine may write anything, but not into what is no folder.
    if (!(await stat(folder)).isDirectory()) return { message: `--out: ${folder} is no folder` };
    await access(folder, constants.W_OK);
    if (found !== undefined) await access(path, constants.W_OK);
    return undefined;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return isMissing
      ? {
          message: `--out: ${path}: there is no folder ${dirname(path)}`,
          hint: `create it: mkdir -p ${dirname(path)}`,
        }
      : { message: `--out: cannot write ${path}: ${messageOf(error)}` };
  }
}

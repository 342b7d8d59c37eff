/** The files that a report is written to; what is written follows from how a name ends. */
import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import {
  access,
  constants,
  open,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { fileFault, wholePath } from '../../base/file-fault.ts';
import type { LoadTestReport } from '../results/report.ts';
import { csvReport } from './csv-report.ts';
import { htmlReport } from './html-report.ts';
import { jsonReport } from './json-report.ts';
import { junitReport } from './junit-report.ts';
import { markdownReport } from './markdown-report.ts';
import { writeStream } from './stream-file.ts';

const renderers: Readonly<Record<string, (report: LoadTestReport) => string | Promise<string>>> = {
  '.json': jsonReport,
  '.html': htmlReport,
  '.xml': junitReport,
  '.csv': csvReport,
  '.md': markdownReport,
};

/** A file that cannot be written. */
export interface OutputFault {
  readonly path: string;
  /** Names the file and the reason. */
  readonly message: string;
  readonly hint: string | undefined;
}

/**
 * Throws a UsageError for every path that cannot be written or whose format is unknown, all at
 * once: a long run must not end with nowhere to put what it found. Leaves files as they are.
 */
export async function checkOutputs(paths: readonly string[]): Promise<void> {
  const complaints = (await Promise.all(paths.map(complaintOf))).flatMap((found) => found ?? []);
  const seen = new Set<string>();
  for (const path of paths) {
    const place = await placeOf(path);
    if (seen.has(place)) {
      complaints.push({
        path,
        message: `--out: ${path} is named twice`,
        hint: 'leave one of them out',
      });
    }
    seen.add(place);
  }
  if (complaints.length === 0) return;
  throw new UsageError(complaints.map(({ message }) => message).join('\n'), {
    hint: [...new Set(complaints.flatMap(({ hint }) => hint ?? []))].join('\n') || undefined,
  });
}

/**
 * Writes all files, and returns what could not be: that keeps none of the others from being
 * written. A file is there as a whole or not at all, where its folder allows that. Once `signal` is
 * aborted, whoever reads a pipe has less time to take it.
 */
export async function writeOutputs(
  paths: readonly string[],
  report: LoadTestReport,
  signal?: AbortSignal,
): Promise<readonly OutputFault[]> {
  const faults: OutputFault[] = [];
  for (const path of paths) {
    try {
      const render = (await rendererOf(path)) ?? jsonReport;
      await writeWhole(path, await render(report), signal);
    } catch (error) {
      const { reason, hint } = fileFault(error, path, 'write');
      faults.push({ path, message: `cannot write ${path}: ${reason}`, hint });
    }
  }
  return faults;
}

/** By how the path ends, also in upper case; a pipe without a name of its own gets JSON. */
async function rendererOf(path: string) {
  const render = renderers[extname(path).toLowerCase()];
  if (render !== undefined) return render;
  const isPipe = await stat(path).then(
    (found) => !found.isFile() && !found.isDirectory(),
    () => false,
  );
  return isPipe ? jsonReport : undefined;
}

/** What a file allows where its folder takes no other, or where it is mounted by itself. */
const onlyInPlace: ReadonlySet<string | undefined> = new Set(['EACCES', 'EBUSY', 'EPERM', 'EROFS']);

async function writeWhole(given: string, text: string, signal?: AbortSignal): Promise<void> {
  const path = await targetOf(given);
  const found = await statOf(path);
  // A pipe or a terminal cannot be replaced, only written to.
  if (found !== undefined && !found.isFile()) return writeStream(path, text, signal);
  const partial = partialOf(path);
  try {
    await writeFile(partial, text);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    if (found === undefined || !onlyInPlace.has((error as NodeJS.ErrnoException).code)) throw error;
    await writeFile(path, text);
  }
}

/** What a link leads to, which is to be written, and not the link; it need not be there yet. */
async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    // Links in a circle are not among these, so that this ends; what is a pipe has no other name.
    const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT' && !(await isThere(path));
    const next = isGone ? await readlink(path).catch(() => undefined) : undefined;
    if (next === undefined) return path;
    return targetOf(resolve(await realpath(dirname(path)), next));
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Undefined when nothing is there. */
async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Where a file will be, whatever names and links lead there. */
async function placeOf(path: string): Promise<string> {
  const target = await targetOf(path);
  const folder = dirname(target);
  return join(await realpath(folder).catch(() => wholePath(folder)), basename(target));
}

/** Of its own: another run may write to the same name. */
function partialOf(path: string): string {
  return `${path}.${randomUUID().slice(0, 8)}.partial`;
}

async function complaintOf(path: string): Promise<OutputFault | undefined> {
  if ((await rendererOf(path)) === undefined) {
    return {
      path,
      message: `--out: ${path}: no format for a name that ends like this`,
      hint: `name it after its format: ${Object.keys(renderers).join(', ')}`,
    };
  }
  const target = await targetOf(path);
  const folder = wholePath(dirname(target));
  const isMissing = await stat(folder).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
  const message = `--out: cannot write ${path}`;
  if (isMissing) {
    return {
      path,
      message: `${message}: there is no folder ${folder}`,
      hint: `create it: mkdir -p ${folder}`,
    };
  }
  try {
    await tryOutput(target);
    return undefined;
  } catch (error) {
    const { reason, hint } = fileFault(error, target, 'write');
    return { path, message: `${message}: ${reason}`, hint };
  }
}

/** Does what writing will do, but for changing what is there: whoever owns the machine may do anything. */
async function tryOutput(path: string): Promise<void> {
  const found = await statOf(path);
  if (found !== undefined && !found.isFile() && !found.isDirectory()) {
    return access(path, constants.W_OK);
  }
  if (found !== undefined) await (await open(path, 'r+')).close();
  const partial = partialOf(path);
  try {
    // Some bytes, as a full disk may have room for a name.
    await writeFile(partial, 'odin');
  } catch (error) {
    if (found === undefined || !onlyInPlace.has((error as NodeJS.ErrnoException).code)) throw error;
  } finally {
    await rm(partial, { force: true }).catch(() => undefined);
  }
}

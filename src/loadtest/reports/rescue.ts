/** What is left to do for a report that could not be put where it was wanted. */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wholePath } from '../../base/file-fault.ts';
import type { LoadTestReport } from '../results/report.ts';
import { jsonReport } from './json-report.ts';

/**
 * Writes the whole report as JSON into the folder for temporary files, else into the present one,
 * under a name of its own. Returns its path; undefined when neither takes it.
 */
export async function keepReport(report: LoadTestReport): Promise<string | undefined> {
  const time = report.startedAt.replace(/\..*/, '').replaceAll(':', '-');
  const name = `odin-loadtest-${time}-${randomUUID().slice(0, 8)}.json`;
  const text = jsonReport(report);
  for (const folder of [tmpdir(), '.']) {
    const path = wholePath(join(folder, name));
    try {
      await writeFile(path, text, { flag: 'wx' });
      return path;
    } catch {
      await rm(path, { force: true }).catch(() => undefined);
    }
  }
  return undefined;
}

/** Processes that were started with a mark in their environment, whoever started them. */
import { readdirSync, readFileSync } from 'node:fs';

/** Name of the variable that holds the mark; children inherit it. */
export const markName = 'ODIN_TEST_MARK';

/** Ids of the running processes with this mark. */
export function markedProcesses(mark: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && hasMark(pid, mark));
}

function hasMark(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${markName}=${mark}\0`);
  } catch {
    // It is gone, or another user's.
    return false;
  }
}

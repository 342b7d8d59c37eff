/** Makes sure, before the first connection, that this machine can do its part of a run. */
import { readFile } from 'node:fs/promises';
import type { LoadTestConfig } from './plan.ts';
import { checkLimits, type Needs, type ReadText } from './preflight.ts';
import { resolveAddress } from './target.ts';

/**
 * Checks the limits of this machine and finds the server: returns its address, which is looked up
 * once, for all clients. Throws a PreflightError when the limits do not allow what is needed, and a
 * RemoteError when the host name cannot be resolved. `readText` reads files of /proc.
 */
export async function prepareMachine(
  config: LoadTestConfig,
  needs: Needs,
  readText: ReadText = readProc,
): Promise<string> {
  await checkLimits(needs, readText);
  return await resolveAddress(config);
}

/** A file of /proc; undefined on systems that have none. */
export async function readProc(path: string): Promise<string | undefined> {
  // Systems without /proc tell their limits elsewhere; errors then come up as they happen.
  return readFile(path, 'utf8').catch(() => undefined);
}

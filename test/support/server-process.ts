/** A server of another make as a child process, whose output goes to a file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';

/** How long a server may take to end in order, in milliseconds; then it is killed. */
const endMs = 20_000;

/** Starts it; what it says is appended to `logFile`. It does not outlive this process. */
export function startProcess(
  command: string,
  args: readonly string[],
  logFile: string,
): ChildProcess {
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  const killChild = () => child.kill('SIGKILL');
  process.once('exit', killChild);
  child.once('exit', () => process.off('exit', killChild));
  return child;
}

/** Ends it, if it still runs, as an operator (SIGTERM) or as a crash (SIGKILL). */
export async function endProcess(
  child: ChildProcess | undefined,
  signal: 'SIGTERM' | 'SIGKILL',
): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const force = setTimeout(() => child.kill('SIGKILL'), endMs);
  await exited;
  clearTimeout(force);
}

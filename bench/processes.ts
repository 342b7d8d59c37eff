/** Child processes under measurement: started, counted by the kernel, always ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Clock ticks per second in /proc/<pid>/stat (USER_HZ, 100 on every Linux that Node runs on). */
const ticksPerSecond = 100;

/** A child that is killed when disposed. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** Sends a signal to it and its children. */
  signal(name: NodeJS.Signals): void;
  /** Resolves with what it printed on standard output. */
  readonly output: Promise<string>;
}

/** Starts `node <args>`; resolves when `isReady` says yes to a line of its output. */
export function startNode(
  args: readonly string[],
  isReady: (line: string) => boolean,
): Promise<Child> {
  return startProgram(process.execPath, args, isReady);
}

/** Starts any program, as {@link startNode} does. */
export async function startProgram(
  program: string,
  args: readonly string[],
  isReady: (line: string) => boolean,
): Promise<Child> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = collect(child);
  const lines = createInterface({ input: child.stderr! });
  const started = Promise.withResolvers<void>();
  let log = '';
  const look = (line: string) => {
    log += `${line}\n`;
    if (isReady(line)) started.resolve();
  };
  lines.on('line', look);
  child.stdout!.on('data', (chunk) => look(String(chunk)));
  child.once('exit', (code) =>
    started.reject(new Error(`${args.join(' ')} exited with ${code}: ${log}`)),
  );
  await started.promise;
  return {
    pid: child.pid!,
    signal: (name) => signalTree(child.pid!, name),
    output,
    [Symbol.asyncDispose]: () => end(child),
  };
}

async function collect(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout!) text += chunk;
  return text;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** CPU seconds that a process and its present children have used. */
export function cpuSeconds(pid: number): number {
  return sumOfTree(pid, (one) => {
    const stat = readFileSync(`/proc/${one}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  });
}

/** Resident bytes of a process and its children; pages that they share count for each. */
export function residentBytes(pid: number): number {
  return sumOfTree(pid, (one) => kibOf(`/proc/${one}/status`, 'VmRSS') * 1024);
}

/** Resident bytes of a process and its children, of shared pages its part. */
export function proportionalBytes(pid: number): number {
  return sumOfTree(pid, (one) => kibOf(`/proc/${one}/smaps_rollup`, 'Pss') * 1024);
}

function kibOf(file: string, name: string): number {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${name}:`));
  return Number(/(\d+) kB/.exec(line ?? '')?.[1]);
}

function sumOfTree(pid: number, of: (pid: number) => number): number {
  return childrenOf(pid).reduce((sum, child) => sum + sumOfTree(child, of), of(pid));
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children.split(' ').filter(Boolean).map(Number);
}

function signalTree(pid: number, name: NodeJS.Signals): void {
  for (const child of childrenOf(pid)) signalTree(child, name);
  process.kill(pid, name);
}

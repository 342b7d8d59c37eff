/** Has a process stand still, as if its disk or its machine did. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Settles when all its threads stand; SIGCONT has them go on. */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  // A thread that runs on another core goes on for a moment, long enough for an answer.
  while (!(await allThreadsStand(pid))) await sleep(1);
}

async function allThreadsStand(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')),
  );
  return states.every((stat) => /\) T /.test(stat));
}

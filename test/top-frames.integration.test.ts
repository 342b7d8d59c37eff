/** What frames of `odin top` cost: few bytes when nothing changes, and no memory that stays. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

test('frames are small, smaller still when nothing changes, and leave nothing behind', async () => {
  const args = ['--expose-gc', 'bench/top-frames.ts', '400'];
  const { stdout } = await run(process.execPath, args);
  const { bytesPerUpdate, bytesPerIdleUpdate, marks } = JSON.parse(stdout) as {
    readonly bytesPerUpdate: number;
    readonly bytesPerIdleUpdate: number;
    readonly marks: readonly { readonly updates: number; readonly heapMiB: number }[];
  };
  // A frame of 120×40 drawn anew has more than 4 KiB; an update each second may have 1 KiB when idle.
  expect(bytesPerUpdate).toBeLessThan(4_096);
  expect(bytesPerIdleUpdate).toBeGreaterThan(0);
  expect(bytesPerIdleUpdate).toBeLessThan(1_024);
  // Courses and ink's caches of measured lines, both bounded, fill up with some 4 KiB per update.
  const [first, last] = [marks[0]!, marks.at(-1)!];
  const perUpdate = ((last.heapMiB - first.heapMiB) * 1024) / (last.updates - first.updates);
  expect(perUpdate).toBeLessThan(16);
});

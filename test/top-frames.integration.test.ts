/** What frames of `odin top` cost: few bytes when nothing changes, and no memory that stays. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

/** Of one frame. */
interface Cost {
  readonly bytes: number;
}

/** As far as it is judged here. */
interface Costs {
  readonly idle: Cost;
  readonly busy: Cost;
  /** What stays. */
  readonly bytesPerUpdate: { readonly heap: number; readonly external: number };
}

test('frames are small, smaller still when nothing changes, and leave nothing behind', async () => {
  const args = ['--expose-gc', 'bench/top-frames.ts', '720', 'again'];
  const { stdout } = await run(process.execPath, args);
  const { idle, busy, bytesPerUpdate } = JSON.parse(stdout) as Costs;
  // A frame of 120×40 drawn anew has more than 4 KiB; an update each second may have 1 KiB when idle.
  expect(busy.bytes).toBeLessThan(4_096);
  expect(idle.bytes).toBeGreaterThan(0);
  expect(idle.bytes).toBeLessThan(1_024);
  // Code that V8 still makes faster is some 400 bytes per update; a leak of 1 KiB comes on top.
  expect(bytesPerUpdate.heap).toBeLessThan(1_024);
  expect(bytesPerUpdate.external).toBeLessThan(128);
});

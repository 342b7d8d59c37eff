import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** Bytes that new objects have at first, and after a few hundred thousand of which some stay a while. */
function roomInProcess(isHeld: boolean): readonly [before: number, after: number] {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { holdYoungGeneration } from ${JSON.stringify(new URL('./young-generation.ts', import.meta.url))};
    const isNew = ({ space_name }) => space_name === 'new_space';
    const room = () => getHeapSpaceStatistics().find(isNew).space_size;
    if (${isHeld}) holdYoungGeneration();
    const before = room();
    for (let round = 0; round < 40; round++) {
      const kept = [];
      for (let at = 0; at < 20_000; at++) kept.push({ at, more: [round] });
    }
    console.log(JSON.stringify([before, room()]));`;
  const args = ['--input-type=module', '--eval', script];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

test('room for new objects stays as it is once it is held, and grows otherwise', () => {
  const [before, grown] = roomInProcess(false);
  expect(grown).toBeGreaterThan(4 * before);
  const [, held] = roomInProcess(true);
  // Busy helper threads may leave it a little more than it had at first.
  expect(held).toBeLessThan(grown / 4);
});

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** Bytes that the heap of a process grows to: for new objects while few of them stay, and in all. */
function heapOf(isSmall: boolean): { readonly young: number; readonly whole: number } {
  const script = `
    import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
    import { keepHeapSmall } from ${JSON.stringify(new URL('./small-heap.ts', import.meta.url))};
    const isNew = ({ space_name }) => space_name === 'new_space';
    if (${isSmall}) keepHeapSmall();
    const largest = (objects, rounds, size) => {
      const kept = new Array(objects);
      let most = 0;
      for (let at = 0; at < objects * rounds; at++) {
        kept[at % objects] = { at, more: [at] };
        if (at % 1_000 === 0) most = Math.max(most, size());
      }
      return most;
    };
    const young = largest(2_000, 300, () => getHeapSpaceStatistics().find(isNew).space_size);
    const whole = largest(200_000, 12, () => getHeapStatistics().total_heap_size);
    console.log(JSON.stringify({ young, whole }));`;
  const args = ['--input-type=module', '--eval', script];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

test('a heap that is kept small has less room, for new objects and in all', () => {
  const [small, usual] = [heapOf(true), heapOf(false)];
  expect(small.young).toBeLessThan(usual.young / 2);
  // It is a third; without the limit on old objects it is two thirds.
  expect(small.whole).toBeLessThan(usual.whole * 0.6);
});

import { expect, test } from 'vitest';
import { whileAnswered } from './time-limit.ts';

const never = new Promise<never>(() => undefined);

test('work is waited for while questions are answered, and no longer', async () => {
  let asked = 0;
  let finish: (() => void) | undefined;
  const work = new Promise<void>((resolve) => {
    finish = resolve;
  });
  // Each question is answered until the work is done.
  await whileAnswered(60_000, async () => void (++asked === 3 && finish?.()), work);
  expect(asked).toBe(3);
  // Two answers, then silence.
  asked = 0;
  await whileAnswered(20, () => (++asked > 2 ? never : Promise.resolve()), never);
  expect(asked).toBe(3);
});

test('work that fails is done, and who refuses to answer is not waited for', async () => {
  await whileAnswered(60_000, () => never, Promise.reject(new Error('failed')));
  await whileAnswered(60_000, () => Promise.reject(new Error('away')), never);
});

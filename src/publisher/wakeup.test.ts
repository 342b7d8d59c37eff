/** Sleeping until a time or a wake, whichever comes first. */
import { expect, test } from 'vitest';
import { Wakeup } from './wakeup.ts';

test('a wake ends the sleep, one before it makes it empty, and each counts once', async () => {
  const wakeup = new Wakeup();
  const sleeping = wakeup.sleep(60_000);
  wakeup.wake();
  await sleeping;
  wakeup.wake();
  wakeup.wake();
  await wakeup.sleep(60_000);
  const from = performance.now();
  await wakeup.sleep(20);
  expect(performance.now() - from).toBeGreaterThan(15);
});

test('a sleep without end does not become a busy loop', async () => {
  const wakeup = new Wakeup();
  let over = false;
  const sleeping = wakeup.sleep(Number.POSITIVE_INFINITY).then(() => {
    over = true;
  });
  // It has to go on sleeping.
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(over).toBe(false);
  wakeup.wake();
  await sleeping;
});

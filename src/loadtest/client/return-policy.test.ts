/** Tests of return-policy.ts: who tries again, and when. */
import { expect, test } from 'vitest';
import type { ConnectionEnd } from '../socket/connection-owner.ts';
import { mayReturn, type Patience, returnDelayMs } from './return-policy.ts';

const patience: Patience = {
  connectAttempts: 3,
  connectRetry: 'any',
  reconnectAttempts: 2,
  backoffBaseMs: 100,
  backoffMaxMs: 1_000,
};

function end(name: ConnectionEnd['class'], more: Partial<ConnectionEnd> = {}): ConnectionEnd {
  return { class: name, example: '', ...more };
}

test('who was never in tries again as often as it may, when that can help', () => {
  for (const name of ['connect-refused', 'upgrade-status-503', 'upgrade-timeout'] as const) {
    expect(mayReturn(end(name), patience, 0, false), name).toBe(true);
    expect(mayReturn(end(name), patience, 2, false), name).toBe(false);
  }
  for (const name of ['upgrade-status-404', 'upgrade-status-401', 'local-out-of-ports'] as const) {
    expect(mayReturn(end(name), patience, 0, false), name).toBe(false);
  }
});

test('by default only those do whom the server asks to', () => {
  const invited: Patience = { ...patience, connectRetry: 'invited' };
  expect(mayReturn(end('connect-refused'), invited, 0, false)).toBe(false);
  expect(mayReturn(end('upgrade-status-503'), invited, 0, false)).toBe(false);
  const full = end('upgrade-status-503', { retryAfterMs: 0 });
  expect(mayReturn(full, invited, 1, false)).toBe(true);
  expect(mayReturn(full, invited, 2, false)).toBe(false);
});

test('who lost its connection comes back, unless it was told not to', () => {
  expect(mayReturn(end('open-reset'), patience, 1, true)).toBe(true);
  expect(mayReturn(end('open-reset'), patience, 2, true)).toBe(false);
  expect(mayReturn(end('open-close-4501', { closeCode: 4501 }), patience, 0, true)).toBe(false);
});

test('the wait is a random part of a limit that doubles, above what the server asks for', () => {
  const longest = (attempt: number, retryAfterMs?: number) =>
    Math.max(
      ...Array.from({ length: 500 }, () =>
        returnDelayMs(end('connect-refused', { retryAfterMs }), patience, attempt),
      ),
    );
  expect(longest(0)).toBeLessThan(100);
  expect(longest(0)).toBeGreaterThan(80);
  expect(longest(2)).toBeLessThan(400);
  expect(longest(20)).toBeLessThan(1_000);
  const asked = returnDelayMs(end('upgrade-status-503', { retryAfterMs: 5_000 }), patience, 0);
  expect(asked).toBeGreaterThanOrEqual(5_000);
  expect(asked).toBeLessThan(5_100);
});

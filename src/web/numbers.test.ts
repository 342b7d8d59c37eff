/** Tests of numbers.ts: what is easily written wrong. */
import { expect, test } from 'vitest';
import { clock } from './numbers.ts';

test('the hour after midnight is the hour 0', () => {
  expect(clock(new Date(2026, 10, 28, 0, 0, 5).getTime())).toBe('00:00:05');
  expect(clock(new Date(2026, 10, 28, 12, 34, 56).getTime())).toBe('12:34:56');
});

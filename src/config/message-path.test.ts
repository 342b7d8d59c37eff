/** Tests of message-path.ts. */
import { expect, test } from 'vitest';
import { parseMessagePaths } from './message-path.ts';

test('paths are keys and indices, by what they lead to', () => {
  expect(parseMessagePaths(['ts=data.0.time', ' seq = n '])).toEqual({
    ts: ['data', '0', 'time'],
    seq: ['n'],
  });
  expect(parseMessagePaths([])).toEqual({});
});

test.each([['time=ts'], ['ts'], ['ts='], ['ts=a..b'], ['ts=a b']])('%s is refused', (text) => {
  expect(parseMessagePaths([text])).toMatch(/^expected ts=data.timestamp/);
});

test('one thing has one path', () => {
  expect(parseMessagePaths(['ts=a', 'ts=b'])).toBe('ts is given twice');
});

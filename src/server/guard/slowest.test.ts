/** The choice of those who are closed first. */
import { expect, test } from 'vitest';
import { slowestOf } from './slowest.ts';

test('chooses among those behind: most bytes first, then the furthest behind', () => {
  const client = (name: string, bufferedBytes: number, cursor: number, isBehind = true) => {
    return { name, bufferedBytes, cursor, isBehind, isClosing: false };
  };
  const clients = [
    client('level', 900, 0, false),
    client('few', 10, 1),
    client('late', 100, 2),
    client('later', 100, 1),
    { ...client('closing', 500, 0), isClosing: true },
    client('most', 300, 9),
  ];
  const names = (count: number) => slowestOf(clients, count).map(({ name }) => name);
  expect(names(9)).toEqual(['most', 'later', 'late', 'few']);
  expect(names(2)).toEqual(['most', 'later']);
});

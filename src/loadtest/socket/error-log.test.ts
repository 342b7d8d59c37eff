/** Tests of error-log.ts. */
import { expect, test } from 'vitest';
import { ErrorLog } from './error-log.ts';

test('errors are listed by count with the text of the first', () => {
  const log = new ErrorLog();
  log.add('open-reset', 'first');
  log.add('open-reset', 'second');
  log.add('connect-refused', 'x'.repeat(1_000), 5);
  expect(log.list()).toMatchObject([
    { class: 'connect-refused', blame: 'server', count: 5, example: 'x'.repeat(200) },
    { class: 'open-reset', count: 2, example: 'first' },
  ]);
});

test('a server with a close code for everyone cannot fill the list', () => {
  const log = new ErrorLog();
  for (let code = 3_000; code < 4_000; code++) log.add(`open-close-${code}`, '');
  expect(log.list()).toHaveLength(201);
  expect(log.list()[0]).toMatchObject({
    class: 'unknown',
    count: 800,
    example: 'open-close-3200: ',
  });
});

/** A line of progress on a terminal, and what is written beside it. */
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createProgressLine } from './progress-line.ts';

test('what is written beside the line does not share its row, and the next one is below', () => {
  let text = '';
  const output = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  {
    using line = createProgressLine(Object.assign(output, { isTTY: true, columns: 20 }));
    line.show('10 carried');
    line.beside.write('WARN: lost\n');
    line.beside.write('INFO: there\n');
    line.show('11 carried');
  }
  expect(text).toBe(
    '\r\u001B[K10 carried\r\u001B[KWARN: lost\nINFO: there\n\r\u001B[K11 carried\n',
  );
});

/** Tests of file-fault.ts: real failures of the file system, in words, with what helps. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { cannotRead, fileFault } from './file-fault.ts';

test.each([
  ['/no/such', 'cannot read /no/such: no such file', 'see what is there: ls /no'],
  ['/', 'cannot read /: it is a folder', 'name a file in it'],
  ['/dev/null/x', 'cannot read /dev/null/x: /dev/null is no folder', 'check the path'],
  ['/dev/null/x/y/z', 'cannot read /dev/null/x/y/z: /dev/null is no folder', 'check the path'],
  ['/etc/passwd/', 'cannot read /etc/passwd/: /etc/passwd is no folder', 'check the path'],
  [`/${'x'.repeat(300)}`, /the name is too long$/, 'choose a shorter one'],
])('%s cannot be read', async (path, message, hint) => {
  const error = await readFile(path).catch((thrown: unknown) => thrown);
  const told = cannotRead(path, error, '--token-file');
  expect(told.exitCode).toBe(2);
  expect(told.message).toMatch(/^--token-file: /);
  expect(told.message.replace('--token-file: ', '')).toMatch(message);
  expect(told.hint).toContain(hint);
});

test('where a relative path begins is told, and what is not known keeps its words', () => {
  const missing = Object.assign(new Error('gone'), { code: 'ENOENT' });
  expect(fileFault(missing, 'run.json', 'read').hint).toBe(
    `see what is there: ls ${process.cwd()}`,
  );
  const odd = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  expect(fileFault(odd, 'x', 'read')).toEqual({ reason: 'EIO: i/o error', hint: undefined });
});

/** Tests of loadtest-delivery.ts and loadtest-display.ts: nothing of a run is lost, or said twice. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createHost } from '../../test/support/fake-host.ts';
import { makeReport } from '../../test/support/load-test-report.ts';
import type { PreflightError } from '../base/errors.ts';
import { configSchema } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import { deliverReport } from './loadtest-delivery.ts';
import { openDisplay } from './loadtest-display.ts';

const report = makeReport({ seconds: 1 });

function collected() {
  const texts: string[] = [];
  const output = new Writable({
    write(chunk, _encoding, done) {
      texts.push(String(chunk));
      done();
    },
  });
  return { output, text: () => texts.join('') };
}

/** What a report that is delivered comes to; standard output may have no room for it. */
async function deliver(paths: readonly string[], { isJson = false, isFull = false } = {}) {
  const { output, text } = collected();
  let onFailure = (_error: Error) => {};
  const full = new Writable({ write: (_chunk, _encoding, done) => done(diskFull) });
  const diskFull = Object.assign(new Error('full'), { code: 'ENOSPC' });
  full.on('error', (error) => onFailure(error));
  const host: Host = {
    ...createHost({}),
    stdout: isFull ? full : output,
    onOutputFailure(callback) {
      onFailure = callback;
      return { [Symbol.dispose]: () => undefined };
    },
  };
  const error = await deliverReport(report, { paths, host, isJson }).then(
    () => undefined,
    (thrown: PreflightError) => thrown,
  );
  return { error, stdout: text() };
}

test('a report that no file and no output takes is kept, and found by what is said', async () => {
  for (const given of [{ isFull: true }, { isJson: true, isFull: true }]) {
    const { error } = await deliver([], given);
    expect(error?.exitCode).toBe(3);
    expect(error?.message).toBe('cannot print the report: no space is left on the device');
    const path = /the whole report is in (\S+): odin loadtest report \1$/m.exec(
      error?.hint ?? '',
    )?.[1];
    await using _ = { [Symbol.asyncDispose]: () => rm(path ?? '', { force: true }) };
    expect(JSON.parse(await readFile(path ?? '', 'utf8'))).toEqual(report);
  }
});

test('it is not written once more when it is somewhere as a whole', async () => {
  const home = await mkdtemp(join(tmpdir(), 'odin-delivery-'));
  await using _ = { [Symbol.asyncDispose]: () => rm(home, { recursive: true }) };
  const gone = join(home, 'gone/a.html');
  const saved = join(home, 'b.json');
  const { error, stdout } = await deliver([gone, saved]);
  expect(error?.message).toBe(`cannot write ${gone}: no file can be made in ${join(home, 'gone')}`);
  expect(error?.hint).toContain(`the whole report is in ${saved}: odin loadtest report ${saved}`);
  expect(stdout).toContain('VERDICT pass');
  const printed = await deliver([gone], { isJson: true });
  expect(printed.error?.hint).toContain('the whole report is printed, as JSON');
  expect(JSON.parse(printed.stdout)).toEqual(report);
  expect((await deliver([saved])).error).toBeUndefined();
});

test('a view that cannot draw says so once, and the run goes on', async () => {
  const { output: stderr, text } = collected();
  // A terminal whose keys nobody can read.
  const stdin = Object.assign(Readable.from([]), { isTTY: true });
  const host: Host = {
    ...createHost({ env: { TERM: 'xterm' }, signal: new AbortController().signal }),
    stdin,
    stderr: Object.assign(stderr, { isTTY: true }),
  };
  await using display = await openDisplay(host, configSchema.parse({}).loadtest, false);
  display.stderr.write('a warning\n');
  await display[Symbol.asyncDispose]();
  await display[Symbol.asyncDispose]();
  expect(text().match(/the view ended/g)).toHaveLength(1);
  expect(text().match(/a warning/g)).toHaveLength(1);
});

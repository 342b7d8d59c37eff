/** `odin loadtest report` and `compare` as command lines, in process. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatReport } from '../src/loadtest/reports/text-report.ts';
import { odin } from './support/fake-host.ts';
import { makeReport } from './support/load-test-report.ts';

const before = makeReport({ seed: 1 });
const files = {
  'a.json': JSON.stringify(before),
  'same.json': JSON.stringify(makeReport({ seed: 2 })),
  'slow.json': JSON.stringify(makeReport({ seed: 3, slower: 1.3 })),
  'copy.json': JSON.stringify(before, null, 2),
  'other.json': JSON.stringify({ ...before, config: { ...before.config, connections: 9 } }),
  'text.json': 'no JSON',
};

test('report prints an old run as its own run did', async () => {
  const { exitCode, stdout, stderr } = await odin('loadtest report a.json', { files });
  expect(stdout).toBe(`${formatReport(before)}\n`);
  expect([exitCode, stderr]).toEqual([0, '']);
});

test('report writes other formats instead', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'odin-report-'));
  const [html, json] = [join(folder, 'x.html'), join(folder, 'x.json')];
  const line = `loadtest report --out ${html} a.json --out ${json}`;
  expect(await odin(line, { files })).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  expect(await readFile(html, 'utf8')).toMatch(/^<!doctype html>/);
  expect(JSON.parse(await readFile(json, 'utf8'))).toEqual(before);
  await rm(folder, { recursive: true });
});

test('compare tells no change from noise, and exits with 0', async () => {
  const { exitCode, stdout } = await odin(
    'loadtest compare a.json same.json --fail-on latency.p99+10%',
    { files },
  );
  expect(stdout).toMatch(/^latency\.p99 .* no change$/m);
  expect(stdout).toContain('VERDICT pass');
  expect(exitCode).toBe(0);
});

test('compare exits with 99 when a change was not to be', async () => {
  const line = 'loadtest compare a.json,same.json slow.json --fail-on latency.p99+10%';
  const { exitCode, stdout } = await odin(`${line} --json`, { files });
  expect(JSON.parse(stdout)).toMatchObject({
    schemaVersion: 1,
    before: ['a.json', 'same.json'],
    after: ['slow.json'],
    budgets: [{ metric: 'latency.p99', ok: false }],
    verdict: 'fail',
  });
  expect(exitCode).toBe(99);
  const markdown = await odin(`${line} --markdown`, { files });
  expect(markdown.stdout).toMatch(/^### Load test comparison: fail\n\n\| figure \| before /);
});

test('compare exits with 98 when noise hides whether a change was not to be', async () => {
  const line = 'loadtest compare a.json same.json --fail-on latency.p99+0.1%';
  const { exitCode, stdout, stderr } = await odin(line, { files });
  expect(stdout).toMatch(
    /^VERDICT inconclusive\n {2}UNDECIDED {2}latency\.p99\+0\.1%: the change/m,
  );
  expect([exitCode, stderr]).toEqual([98, '']);
  const allowed = await odin(`${line} --allow-noise`, { files });
  expect(allowed.stdout).toMatch(/^VERDICT pass\n {2}allowed {4}latency\.p99\+0\.1%: the change/m);
  expect(allowed.exitCode).toBe(0);
});

test('without --fail-on, compare only tells', async () => {
  const { exitCode, stdout } = await odin('loadtest compare a.json slow.json', { files });
  expect(stdout).toMatch(/^latency\.p50 .* WORSE$/m);
  expect(exitCode).toBe(0);
});

test('setups that differ are compared when it is asked for, with a warning', async () => {
  const line = 'loadtest compare a.json other.json --force';
  const { exitCode, stderr } = await odin(line, { files });
  expect(stderr).toBe('warning: connections differs: 500 in a.json, 9 in other.json\n');
  expect(exitCode).toBe(0);
});

test.each([
  ['report', /error: missing: <run.json>\nhint: see `odin loadtest report --help`/],
  ['report a.json b.json', /error: unexpected argument: b.json/],
  [
    'report nope.json',
    /error: cannot read nope.json: no such file\nhint: .*\nhint: write one with: /,
  ],
  ['report text.json', /error: text.json is no report of a load test/],
  ['report a.json --out x.pdf', /error: --out: x.pdf: no format .*\nhint: .*\.html/],
  ['report a.json --connections 5', /error: --connections: unknown flag/],
  ['compare a.json', /error: missing: <after.json\[,…\]>/],
  ['compare a.json a.json --json --markdown', /error: --markdown contradicts --json/],
  ['compare a.json,a.json same.json', /error: a.json is given twice\nhint: .*another one/],
  ['compare a.json a.json', /error: a.json is given twice/],
  ['compare a.json,same.json copy.json', /error: a.json and copy.json hold the same run/],
  ['compare a.json same.json --allow-noise', /error: --allow-noise does nothing without --fail-on/],
  ['compare a.json , --json', /error: expected a file per side/],
  ['compare a.json other.json', /error: connections differs: .*\nhint: .*--force/],
  [
    'compare text.json,nope.json a.json',
    /error: text.json is .*\nerror: cannot read nope.json: no/,
  ],
  [
    'compare a.json same.json --fail-on lost+1 missed+1',
    /error: unexpected argument: missed\+1\nhint: several in --fail-on\? repeat it for each/,
  ],
  ['compare a.json same.json --fail-on ack.p99+1%', /error: .*--churn.*in a.json and same.json/],
  ['compare a.json same.json --fail-on p99', /error: --fail-on: expected a change such as/],
  [
    'compare a.json same.json --fial-on lost+1',
    /error: --fial-on: unknown flag, did you mean --fail-on/,
  ],
  ['raport a.json', /error: unexpected argument: raport, did you mean `odin loadtest report`\?/],
  ['report a.json --json=yes', /error: --json: takes no value/],
  ['--out run.pdf', /error: --out: run.pdf: no format/],
])('`odin loadtest %s` exits with 2 and says why', async (line, message) => {
  const { exitCode, stderr, stdout } = await odin(`loadtest ${line}`, { files });
  expect(stderr).toMatch(message);
  expect(stdout).toBe('');
  expect(exitCode).toBe(2);
});

test('no line of the help is wider than a page, and each has room for its words', async () => {
  const { stdout } = await odin('loadtest --help');
  const lines = stdout.slice(0, stdout.indexOf('Examples:')).split('\n');
  const wide = lines.filter((line) => line.length > 80 && /\S /.test(line));
  expect(wide).toEqual([]);
  expect(stdout).toMatch(/^ {2}--connections <n> {13}clients to open \(default 1000\)/m);
  expect(stdout).toMatch(/^ {2}--subscription-mode <all\|single\|random>\n {32}each client takes/m);
  expect(stdout).toMatch(/^ {2}-c, --config <file> /m);
  const compare = await odin('loadtest compare --help');
  expect(compare.stdout).toMatch(/^ {2}-c, --config <file> /m);
  expect(compare.stdout).not.toContain('--connections');
});

test('the help of loadtest names its flags and its subcommands', async () => {
  const { stdout } = await odin('loadtest --help');
  expect(stdout).toMatch(/--connections <n>/);
  expect(stdout).toMatch(/--out <file,…>/);
  expect(stdout).toMatch(/^ {2}report /m);
  expect(stdout).toMatch(/^ {2}compare /m);
  expect((await odin('loadtest compare --help')).stdout).toContain(
    'Usage: odin loadtest compare [options] <before.json[,…]> <after.json[,…]>',
  );
});

/** Tests of outputs.ts and report-file.ts: where reports go, and reading them back. */
import { execFile, spawn } from 'node:child_process';
import {
  chmod,
  constants,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as streamText } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import { checkOutputs, writeOutputs } from './outputs.ts';
import { readReport } from './report-file.ts';
import { keepReport } from './rescue.ts';

const report = makeReport({ seconds: 1 });

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'odin-outputs-'));
  return {
    path,
    at: (name: string) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

test('every format is written, whole, whatever the case of its name', async () => {
  await using home = await folder();
  const names = ['a.json', 'b.html', 'c.xml', 'd.csv', 'e.md', 'F.JSON'];
  const paths = names.map(home.at);
  await checkOutputs(paths);
  await writeOutputs(paths, report);
  expect((await readdir(home.path)).toSorted()).toEqual(names.toSorted());
  expect(JSON.parse(await readFile(home.at('F.JSON'), 'utf8'))).toEqual(report);
  expect(await readFile(home.at('c.xml'), 'utf8')).toMatch(/^<\?xml/);
});

test('all that is wrong with the paths is said at once, before the run', async () => {
  await using home = await folder();
  const missing = home.at('no/such/run.html');
  const long = home.at(`${'x'.repeat(300)}.md`);
  await mkdir(home.at('x.html'));
  const check = checkOutputs([
    ...['run.txt', missing, '/dev/null/x.csv', 'a.md', './a.md'],
    ...['/proc/x.json', home.at('x.html'), long],
  ]);
  const error = await check.then(
    () => undefined,
    (thrown: Error & { hint?: string; exitCode?: number }) => thrown,
  );
  expect(error?.exitCode).toBe(2);
  expect(error?.message.split('\n')).toEqual([
    '--out: run.txt: no format for a name that ends like this',
    `--out: cannot write ${missing}: there is no folder ${home.at('no/such')}`,
    '--out: cannot write /dev/null/x.csv: /dev/null is no folder',
    '--out: cannot write /proc/x.json: no file can be made in /proc',
    `--out: cannot write ${home.at('x.html')}: it is a folder`,
    `--out: cannot write ${long}: the name is too long`,
    '--out: ./a.md is named twice',
  ]);
  expect(error?.hint?.split('\n')).toEqual([
    'name it after its format: .json, .html, .xml, .csv, .md',
    `create it: mkdir -p ${home.at('no/such')}`,
    expect.stringContaining('check the path'),
    'choose another folder',
    'name a file in it',
    'choose a shorter one',
    'leave one of them out',
  ]);
});

test('a link stays one: what it leads to is written', async () => {
  await using home = await folder();
  await writeFile(home.at('run-1.json'), 'old');
  await symlink('run-1.json', home.at('last.json'));
  expect(await writeOutputs([home.at('last.json')], report)).toEqual([]);
  expect(JSON.parse(await readFile(home.at('run-1.json'), 'utf8'))).toEqual(report);
});

test('so does one whose target is not there yet, and both are one file', async () => {
  await using home = await folder();
  await mkdir(home.at('runs'));
  await symlink('runs/next.json', home.at('last.json'));
  await symlink('last.json', home.at('newest.json'));
  await symlink('runs', home.at('all'));
  const last = home.at('last.json');
  const twins = [home.at('newest.json'), home.at('runs/next.json'), home.at('all/next.json')];
  for (const twin of twins) {
    await expect(checkOutputs([last, twin])).rejects.toThrow(`--out: ${twin} is named twice`);
  }
  await checkOutputs([last]);
  expect(await writeOutputs([home.at('newest.json')], report)).toEqual([]);
  expect(await readdir(home.at('runs'))).toEqual(['next.json']);
  expect(await readlink(last)).toBe('runs/next.json');
  expect(JSON.parse(await readFile(last, 'utf8'))).toEqual(report);
});

test('a pipe is written to when somebody reads it, and waited for by nobody when not', async () => {
  await using home = await folder();
  const [read, unread] = [home.at('read.json'), home.at('unread')];
  await promisify(execFile)('mkfifo', [read, unread]);
  const reader = spawn('cat', [read]);
  const text = streamText(reader.stdout);
  await checkOutputs([read, unread]);
  const long = makeReport({ seconds: 1_000 });
  expect(await writeOutputs([unread, read], long)).toEqual([
    {
      path: unread,
      message: `cannot write ${unread}: nobody reads from it`,
      hint: `it is a pipe: let somebody read first, as with cat ${unread}`,
    },
  ]);
  expect(JSON.parse(await text)).toEqual(long);
  const again = spawn('cat', [unread]);
  const unnamed = streamText(again.stdout);
  expect(await writeOutputs([unread], report)).toEqual([]);
  expect(JSON.parse(await unnamed)).toEqual(report);
});

test('after Ctrl-C, a reader that takes nothing is not waited for as long', async () => {
  await using home = await folder();
  const path = home.at('full');
  await promisify(execFile)('mkfifo', [path]);
  await using _reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stop = new AbortController();
  const sinceMs = performance.now();
  const writing = writeOutputs([path], makeReport({ seconds: 1_000 }), stop.signal);
  stop.abort();
  expect(await writing).toEqual([
    {
      path,
      message: `cannot write ${path}: whoever reads from it takes nothing`,
      hint: 'write to a file, and read that',
    },
  ]);
  // Otherwise it has 5 s.
  expect(performance.now() - sinceMs).toBeLessThan(4_500);
});

test('a link that leads nowhere, or in a circle, is told', async () => {
  await using home = await folder();
  await symlink('gone/a.json', home.at('a.json'));
  await symlink('b.json', home.at('b.json'));
  await expect(checkOutputs([home.at('a.json')])).rejects.toThrow(
    `--out: cannot write ${home.at('a.json')}: there is no folder ${home.at('gone')}`,
  );
  const circle = checkOutputs([home.at('b.json')]);
  await expect(circle).rejects.toThrow(
    `--out: cannot write ${home.at('b.json')}: its links lead in a circle`,
  );
  await expect(circle).rejects.toMatchObject({ hint: undefined });
});

test('looking whether a file can be written leaves no trace', async () => {
  await using home = await folder();
  await writeFile(home.at('old.json'), 'old');
  await checkOutputs([home.at('old.json'), home.at('new.html')]);
  expect(await readdir(home.path)).toEqual(['old.json']);
  expect(await readFile(home.at('old.json'), 'utf8')).toBe('old');
});

test.skipIf(process.getuid?.() === 0)('a file that may not be written is found', async () => {
  await using home = await folder();
  const path = home.at('x.html');
  await writeFile(path, '');
  await chmod(path, 0o400);
  await expect(checkOutputs([path])).rejects.toThrow(`--out: cannot write ${path}: not allowed`);
});

test('a file that cannot be written in the end keeps none of the others from it', async () => {
  await using home = await folder();
  const gone = home.at('gone/a.json');
  expect(await writeOutputs([gone, home.at('b.json')], report)).toMatchObject([
    { path: gone, message: `cannot write ${gone}: no file can be made in ${home.at('gone')}` },
  ]);
  expect(await readdir(home.path)).toEqual(['b.json']);
});

test('what cannot be put anywhere is kept where temporary files are', async () => {
  const path = (await keepReport(report)) as string;
  await using _ = { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
  expect(path.startsWith(tmpdir())).toBe(true);
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(report);
});

const read = (text: string | undefined) => readReport('run.json', async () => text);

test('a report is read back as it was written', async () => {
  expect(await read(JSON.stringify(report))).toEqual(report);
});

test('a byte order mark in front of it is none of its text', async () => {
  expect(await read(`\uFEFF${JSON.stringify(report)}`)).toEqual(report);
});

test('fields that a later odin added are kept', async () => {
  const later = { ...report, later: [1] };
  expect(await read(JSON.stringify(later))).toEqual(later);
});

test('settings that an older odin did not know are as they were', async () => {
  const { stages, mix, rampDownMs, ...config } = report.config;
  expect(await read(JSON.stringify({ ...report, config }))).toEqual(report);
});

test.each([
  [undefined, 'cannot read run.json: no such file'],
  ['{"a":', 'run.json is no report of a load test: it is no JSON, or was cut off'],
  ['[]', 'run.json is no report of a load test'],
  ['{"name":"x"}', 'run.json is no report of a load test'],
  ['{"schemaVersion":2}', 'run.json is a report of version 2; this odin reads version 1'],
  [
    '{"schemaVersion":1,"topics":[]}',
    /^run.json: startedAt is missing: expected a text\nrun.json: durationMs is .*\n.*\nrun.json: … and \d+ more$/,
  ],
  [
    JSON.stringify({ ...report, connections: { ...report.connections, opened: 'many' } }),
    'run.json: connections.opened is "many": expected a number',
  ],
  [
    JSON.stringify({ ...report, durationMs: -1, verdict: 'good', reasons: {} }),
    /^run.json: durationMs is -1: expected 0 or more\nrun.json: verdict is "good": expected pass, fail, inconclusive or interrupted\nrun.json: reasons is an object: expected a list$/,
  ],
  [
    JSON.stringify({ ...report, stages: [{ ...report.stages[0], to: 1.5 }] }),
    'run.json: stages[0].to is 1.5: expected a whole number',
  ],
  [
    JSON.stringify({ ...report, config: { ...report.config, stages: null, rampDownMs: '5s' } }),
    'run.json: config.rampDownMs is "5s": expected a number\nrun.json: config.stages is null: expected a list',
  ],
  [
    JSON.stringify({ ...report, config: { ...report.config, profiles: null, churn: 5 } }),
    'run.json: config.profiles is null: expected an object\nrun.json: config.churn is 5: expected a text',
  ],
  [
    JSON.stringify({
      ...report,
      series: { ...report.series, points: Array(3_601).fill(report.series.points[0]) },
    }),
    'run.json: series.points has 3 601 entries: expected 3 600 at most',
  ],
  [
    JSON.stringify({
      ...report,
      histograms: {
        ...report.histograms,
        connect: { ...report.histograms.connect, counts: [1] },
      },
    }),
    'run.json: histograms.connect: expected as many counts as groups',
  ],
  [
    JSON.stringify({
      ...report,
      histograms: {
        ...report.histograms,
        connect: { ...report.histograms.connect, upToMs: [2, 1], counts: [1, 1] },
      },
    }),
    'run.json: histograms.connect.upToMs: expected ascending values',
  ],
  [
    JSON.stringify({ ...report, startedAt: 'garbage' }),
    'run.json: startedAt: expected a time such as 2026-01-31T12:00:00.000Z',
  ],
  [
    JSON.stringify({ ...report, thresholds: [{ ...report.thresholds[0], ok: false }] }),
    /^run.json: thresholds\[0\]: .* was not met, which contradicts the verdict pass$/,
  ],
])('what is no report is refused: %#', async (text, message) => {
  await expect(read(text)).rejects.toMatchObject({ exitCode: 2, hint: expect.any(String) });
  await expect(read(text)).rejects.toThrow(message);
});

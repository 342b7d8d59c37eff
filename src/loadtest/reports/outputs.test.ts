/** Tests of outputs.ts and report-file.ts: where reports go, and reading them back. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import { checkOutputs, writeOutputs } from './outputs.ts';
import { readReport } from './report-file.ts';

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
  const check = checkOutputs(['run.txt', missing, home.path, '/dev/null/x.csv', 'a.md', './a.md']);
  const error = await check.then(
    () => undefined,
    (thrown: Error & { hint?: string; exitCode?: number }) => thrown,
  );
  expect(error?.exitCode).toBe(2);
  expect(error?.message.split('\n')).toEqual([
    '--out: run.txt: no format for a name that ends like this',
    `--out: ${missing}: there is no folder ${home.at('no/such')}`,
    `--out: ${home.path}: no format for a name that ends like this`,
    '--out: /dev/null is no folder',
    '--out: ./a.md is named twice',
  ]);
  expect(error?.hint).toContain('.json, .html, .xml, .csv, .md');
});

test('a folder is no file', async () => {
  await using home = await folder();
  const path = home.at('x.html');
  await mkdir(path);
  await expect(checkOutputs([path])).rejects.toThrow(`--out: ${path} is a folder`);
});

test.skipIf(process.getuid?.() === 0)('a file that may not be written is found', async () => {
  await using home = await folder();
  const path = home.at('x.html');
  await writeFile(path, '');
  await chmod(path, 0o400);
  await expect(checkOutputs([path])).rejects.toThrow('EACCES');
});

test('a file that cannot be written in the end keeps none of the others from it', async () => {
  await using home = await folder();
  const paths = [home.at('gone/a.json'), home.at('b.json')];
  await expect(writeOutputs(paths, report)).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringContaining(`cannot write ${home.at('gone/a.json')}: ENOENT`),
  });
  expect(await readdir(home.path)).toEqual(['b.json']);
});

const read = (text: string | undefined) => readReport('run.json', async () => text);

test('a report is read back as it was written', async () => {
  expect(await read(JSON.stringify(report))).toEqual(report);
});

test('fields that a later odin added are kept', async () => {
  const later = { ...report, later: [1] };
  expect(await read(JSON.stringify(later))).toEqual(later);
});

test.each([
  [undefined, 'no such file: run.json'],
  ['{"a":', 'run.json is no report of a load test'],
  ['[]', 'run.json is no report of a load test'],
  ['{"name":"x"}', 'run.json is no report of a load test'],
  ['{"schemaVersion":2}', 'run.json is a report of version 2; this odin reads version 1'],
  [
    '{"schemaVersion":1,"topics":[]}',
    /^run.json: startedAt: .*\nrun.json: durationMs: [\s\S]* more$/,
  ],
  [
    JSON.stringify({ ...report, connections: { ...report.connections, opened: 'many' } }),
    /^run.json: connections.opened: .*expected number/,
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
])('what is no report is refused: %s', async (text, message) => {
  await expect(read(text)).rejects.toMatchObject({ exitCode: 2, hint: expect.any(String) });
  await expect(read(text)).rejects.toThrow(message);
});

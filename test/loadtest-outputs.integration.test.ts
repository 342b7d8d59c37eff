/** Tests of what real runs leave behind: files that keep their schema, also when interrupted. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { Histogram } from '../src/base/histogram.ts';
import { reportJsonSchema } from '../src/loadtest/reports/report-schema.ts';
import type { LoadTestReport } from '../src/loadtest/results/report.ts';
import { odin } from './support/fake-host.ts';
import { FaultServer } from './support/fault-server.ts';
import { publish, run } from './support/run-loadtest.ts';

const formats = ['json', 'html', 'xml', 'csv', 'md'];

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'odin-runs-'));
  return {
    path,
    at: (name: string) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** The schema lets fields be added; a report of today has none that it does not name. */
function closed(node: unknown, key = ''): unknown {
  if (typeof node !== 'object' || node === null) return node;
  if (Array.isArray(node)) return node.map((item) => closed(item));
  const entries = Object.entries(node).map(([name, child]) => [name, closed(child, name)]);
  const isClosed = 'properties' in node && key !== 'config';
  return { ...Object.fromEntries(entries), ...(isClosed ? { additionalProperties: false } : {}) };
}

function faultsOf(report: unknown): unknown {
  const validate = new Ajv2020({ allErrors: true }).compile(closed(reportJsonSchema()) as object);
  validate(JSON.parse(JSON.stringify(report)));
  return validate.errors;
}

test('the report of a real run keeps its schema, field by field', async () => {
  await using server = await FaultServer.start();
  const [report] = await Promise.all([
    run(server.url, { workers: '2', reportIntervalMs: '200ms' }),
    publish(server, 20, 150).then(() => server.closeAll(1001)),
  ]);
  expect(report.connections.dropped).toBe(20);
  expect(faultsOf(report)).toBeNull();
});

test('a run in which nothing happened keeps the schema too', async () => {
  await using server = await FaultServer.start({ refuse: () => '503 Full' });
  expect(faultsOf(await run(server.url, { connectTimeoutMs: '300ms' }))).toBeNull();
});

test('the course of a run tells its phases, and its parts are all of the latency', async () => {
  await using server = await FaultServer.start();
  const [report] = await Promise.all([
    run(server.url, { workers: '2', reportIntervalMs: '100ms', rampRate: '60' }),
    publish(server, 20, 180),
  ]);
  const { points } = report.series;
  expect([...new Set(points.map(({ phase }) => phase))].join()).toMatch(/^ramp,hold(,settle)?$/);
  expect(points[0]?.active).toBeLessThan(20);
  expect(points.at(-1)).toMatchObject({ active: 20, opened: 20, failed: 0, lost: 0 });
  let received = 0;
  let beforeMs = 0;
  for (const { elapsedMs, receivedPerSecond } of points) {
    received += (receivedPerSecond * (elapsedMs - beforeMs)) / 1_000;
    beforeMs = elapsedMs;
  }
  expect(received).toBeGreaterThan(0.95 * report.messages.received);
  expect(received).toBeLessThan(1.05 * report.messages.received);
  const whole = new Histogram();
  for (const part of report.histograms.latencyParts) {
    whole.merge(Histogram.fromRecord(part).snapshot());
  }
  expect(whole.count).toBe(report.latencyMs.count);
  expect(whole.percentile(99)).toBe(report.latencyMs.p99);
});

test('all files are written when the verdict fails', async () => {
  await using home = await folder();
  await using server = await FaultServer.start();
  const flags = '--connections 20 --ramp-rate 400 --duration 0.3 --channels BTC.trade';
  const out = formats.map((format) => `--out ${home.at(`run.${format}`)}`).join(' ');
  const signal = new AbortController().signal;
  const { exitCode, stdout } = await odin(`loadtest --url ${server.url} ${flags} ${out}`, {
    signal,
  });
  expect(exitCode).toBe(99);
  expect(stdout).toMatch(/^VERDICT fail/);
  expect((await readdir(home.path)).toSorted()).toEqual(
    formats.map((format) => `run.${format}`).toSorted(),
  );
  const report = JSON.parse(await readFile(home.at('run.json'), 'utf8')) as LoadTestReport;
  expect(report.verdict).toBe('fail');
  expect(await readFile(home.at('run.xml'), 'utf8')).toMatch(/<failure message="observed 0"/);
});

test('all files are written soon when a run is interrupted', async () => {
  await using home = await folder();
  await using server = await FaultServer.start();
  const out = formats.map((format) => home.at(`run.${format}`)).join();
  const stop = new AbortController();
  const flags = '--connections 20 --ramp-rate 400 --duration 600 --channels BTC.trade --json';
  const running = odin(`loadtest --url ${server.url} ${flags} --out ${out}`, {
    signal: stop.signal,
  });
  await publish(server, 20, 10);
  const stoppedMs = performance.now();
  stop.abort('SIGINT');
  const { exitCode, stdout } = await running;
  // Of the 600 s that it would take.
  expect(performance.now() - stoppedMs).toBeLessThan(20_000);
  expect(exitCode).toBe(130);
  expect(JSON.parse(stdout)).toMatchObject({ verdict: 'interrupted' });
  expect(await readdir(home.path)).toHaveLength(formats.length);
  expect(JSON.parse(await readFile(home.at('run.json'), 'utf8'))).toEqual(JSON.parse(stdout));
});

test('a file that cannot be written is told before the first client connects', async () => {
  await using server = await FaultServer.start();
  const { exitCode, stderr, stdout } = await odin(
    `loadtest --url ${server.url} --out /no/such/folder/run.json`,
    { signal: new AbortController().signal },
  );
  expect(exitCode).toBe(2);
  expect(stderr).toBe(
    'error: --out: cannot write /no/such/folder/run.json: there is no folder /no/such/folder\n' +
      'hint: create it: mkdir -p /no/such/folder\n',
  );
  expect(stdout).toBe('');
  expect(server.requests).toBe(0);
});

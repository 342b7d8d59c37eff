/** `odin top` and `odin status` without a terminal: text, JSON, exit codes, and what is wrong. */

import { getEventListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { FleetSnapshot } from '../src/protocol/fleet-snapshot.ts';
import { FleetWatch, type WatchOptions } from '../src/watch/fleet-watch.ts';
import { TestClient } from './support/client.ts';
import { odin } from './support/fake-host.ts';
import { record, startTestServer } from './support/start-server.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const nobody = 'http://127.0.0.1:1';
const quiet = `--publisher-url ${nobody} --loadtest-url ${nobody} --interval 100ms`;
const running = () => ({ signal: new AbortController().signal });

/** Watches one node, patiently unless told otherwise. */
function watch(url: string, given: Partial<WatchOptions> = {}): FleetWatch {
  const { signal } = new AbortController();
  const nodes = [new URL(url)];
  const none = { adminToken: undefined, publisher: undefined, loadtest: undefined };
  return new FleetWatch({ nodes, ...none, intervalMs: 100, patienceMs: 5_000, signal, ...given });
}

test('one look as text and as JSON, of a server that does something', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  await client.subscribe('BTC.*');
  await server.publish(record('BTC'));
  await client.events(1);
  const once = `top --once --url ${server.http} ${quiet}`;
  const text = await odin(once, running());
  expect(text).toMatchObject({ exitCode: 0, stderr: '' });
  expect(text.stdout).toMatch(/test-node +up +1 /);
  expect(text.stdout).toMatch(/clients +1 of 12\.0k/);
  // Channels have their events of the last ten seconds, which the look before may have taken.
  await server.publish(record('BTC'));
  await client.events(2);
  const channels = await odin(`${once} --tab channels`, running());
  expect(channels.stdout).toMatch(/BTC\.trade +\S+ +1 /);
  const json = await odin(`${once} --json`, running());
  const { nodes, publisher } = JSON.parse(json.stdout) as FleetSnapshot;
  expect(nodes[0]).toMatchObject({ url: server.http, state: 'up', report: { node: 'test-node' } });
  expect(publisher).toMatchObject({ state: 'away', report: null });
  const status = await odin(`status --url ${server.http} ${quiet}`, running());
  expect(status).toMatchObject({ exitCode: 0, stderr: '' });
  expect(status.stdout).toMatch(/test-node +up +1 /);
});

test('some nodes of several away is a part of it; all away is said, with what to do', async () => {
  await using server = await startTestServer();
  const part = await odin(`status --url ${server.http},${nobody} ${quiet}`, running());
  expect(part.exitCode).toBe(6);
  expect(part.stdout).toContain('127.0.0.1:1: away');
  for (const command of ['status', 'status --json', 'top --once', 'top --once --json']) {
    const { exitCode, stdout, stderr } = await odin(
      `${command} --url ${nobody} ${quiet}`,
      running(),
    );
    expect(exitCode).toBe(4);
    if (!command.includes('--json')) expect(stdout).toBe('');
    else {
      const { nodes } = JSON.parse(stdout) as FleetSnapshot;
      expect(nodes).toMatchObject([{ url: nobody, state: 'away', report: null }]);
    }
    expect(stderr).toContain('http://127.0.0.1:1: away: nobody listens there');
    expect(stderr).toContain('hint: start one with `odin serve`');
  }
});

test('servers are told apart by their start, and one that has two addresses is one', async () => {
  // All are called test-node, and have one machine and process.
  await using first = await startTestServer();
  await using second = await startTestServer();
  const named = first.http.replace('127.0.0.1', 'localhost');
  const urls = `${first.http},${named},${second.http}`;
  const { exitCode, stdout } = await odin(`status --url ${urls} ${quiet}`, running());
  expect(exitCode).toBe(0);
  expect(stdout).toContain(' 2 of 2 nodes up');
  expect(stdout).toContain(`one node, watched as ${first.http} and ${named}`);
});

test('looks in a batch go on until they are ended, one JSON object in a line', async () => {
  await using server = await startTestServer();
  const end = new AbortController();
  let written = 0;
  const { exitCode, stdout } = await odin(`top --json --url ${server.http} ${quiet}`, {
    signal: end.signal,
    onOutput: () => ++written === 3 && end.abort(),
  });
  expect(exitCode).toBe(0);
  const looks = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as FleetSnapshot);
  expect(looks).toHaveLength(3);
  expect(looks.every(({ nodes }) => nodes[0]!.url === server.http)).toBe(true);
});

test('a recording is printed too: its last look, or all of them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'odin-top-'));
  await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  await using server = await startTestServer();
  const file = join(folder, 'night.ndjson');
  const end = new AbortController();
  let written = 0;
  const live = await odin(`top --json --record ${file} --url ${server.http} ${quiet}`, {
    signal: end.signal,
    onOutput: () => ++written === 3 && end.abort(),
  });
  const replay = (flags: string) => odin(`top --replay ${file} ${flags}`, running());
  expect(await replay('--json')).toEqual({ exitCode: 0, stdout: live.stdout, stderr: '' });
  const last = JSON.parse(live.stdout.trim().split('\n').at(-1) ?? '') as FleetSnapshot;
  expect(JSON.parse((await replay('--json --once')).stdout)).toEqual(last);
  // Only now that the file is right, it is the terminal that is missing.
  expect((await replay('')).stderr).toContain('odin top needs a terminal');
  const time = `at ${new Date(last.time_ms).toISOString()}\n`;
  const { stdout } = await replay('--once');
  expect(stdout.startsWith(time)).toBe(true);
  expect(stdout).toMatch(/test-node +up +0 /);
  const all = (await replay('--batch')).stdout;
  expect(all.match(/^at /gm)?.length).toBe(live.stdout.trim().split('\n').length);
  expect(all).toContain(stdout);
});

test('looks are forgotten when the next ones have come, and leave nothing behind', async () => {
  await using server = await startTestServer();
  const { signal } = new AbortController();
  const missing = new URL(nobody);
  using watching = watch(server.http, { signal, publisher: missing, loadtest: missing });
  const looks: WeakRef<object>[] = [];
  const listeners: number[] = [];
  for (let look = 0; look < 30; look++) {
    looks.push(new WeakRef((await watching.look(['machine'])).nodes[0]!.report!));
    listeners.push(getEventListeners(signal, 'abort').length);
  }
  await turn();
  collectGarbage();
  expect(looks.slice(0, -2).filter((look) => look.deref() !== undefined)).toEqual([]);
  expect(listeners.at(-1)).toBeLessThanOrEqual(Math.max(...listeners.slice(0, 5)));
});

test.each([
  ['top', 'odin top needs a terminal, and standard output is none'],
  ['top --tab cohorts --once', '--tab: there is no "cohorts"'],
  ['top --replay /no/such --once', '--replay: cannot read /no/such: no such file'],
  ['top --replay /no/such', '--replay: cannot read /no/such: no such file'],
  ['top --record x --replay y', '--record and --replay exclude each other'],
  ['top --json --once --batch', '--once and --batch exclude each other: either one look'],
  ['top --once --batch --replay y --interval 2s', '--interval does nothing with --replay'],
  ['top --record /nowhere/x --once', '--record: cannot write /nowhere/x'],
  ['top --url localhost:3004', '--url: expected http://host:port, got'],
  ['status --interval soon', 'expected a duration'],
])('`odin %s` is refused: %s', async (line, complaint) => {
  const { exitCode, stderr } = await odin(line, running());
  expect(exitCode).toBe(2);
  expect(stderr).toContain(complaint);
});

const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find((found) => found?.family === 'IPv4' && !found.internal)?.address;

test.runIf(ownAddress !== undefined)('a server wants its token from elsewhere', async () => {
  await using server = await startTestServer({ host: '0.0.0.0', adminToken: 'a-token-for-tests' });
  const url = `http://${ownAddress}:${server.server.port}`;
  using without = watch(url);
  const refused = (await without.look([])).nodes[0]!;
  expect(refused).toMatchObject({ state: 'refused', report: null });
  expect(refused.problem).toContain('set ADMIN_TOKEN');
  using wrong = watch(url, { adminToken: 'another' });
  expect((await wrong.look([])).nodes[0]!.problem).toContain('is not that of the server');
  using right = watch(url, { adminToken: 'a-token-for-tests' });
  expect((await right.look(['machine'])).nodes[0]).toMatchObject({
    ...{ state: 'up', problem: null },
    report: { machine: { cpus: expect.any(Number) } },
  });
  const told = await odin(`status --url ${url} ${quiet}`, running());
  expect(told.exitCode).toBe(4);
  expect(told.stderr).toContain('refused (403)');
});

test('what is no odin is odd, what does not answer is slow, and neither holds up the others', async () => {
  let isSilent = false;
  const other = createServer((_, response) => {
    if (!isSilent) response.end('<html>');
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    await using server = await startTestServer();
    const nodes = [new URL(url), new URL(server.http)];
    using watched = watch(url, { nodes });
    expect((await watched.look([])).nodes).toMatchObject([
      { state: 'odd', problem: 'the answer is not JSON: is this odin?' },
      { state: 'up' },
    ]);
    isSilent = true;
    using hasty = watch(url, { nodes, patienceMs: 300 });
    await hasty.look([]).then(() => hasty.look([]));
    expect((await hasty.look([])).nodes[0]).toMatchObject({ state: 'slow', report: null });
    expect((await watched.look([])).nodes[1]).toMatchObject({ state: 'up' });
  } finally {
    other.closeAllConnections();
    other.close();
  }
});

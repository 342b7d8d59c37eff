/** The built command as people run it: processes, signals, pipes, an old Node. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { faultsOf } from './support/run-loadtest.ts';
import { oldNode, portOf, spawnOdin } from './support/spawn-odin.ts';

const serve = ['serve', '--host', '127.0.0.1', '--port', '0', '--log-format', 'json'];

async function modulesLoadedBy(...args: string[]): Promise<string[]> {
  const preload = new URL('./support/loaded-modules.ts', import.meta.url).href;
  await using odin = spawnOdin(args, { nodeOptions: ['--import', preload] });
  const loaded = text(odin.child.stdio[3] as Readable);
  await odin.ended;
  return (await loaded).split('\n').filter(Boolean);
}

test('help and version load no engine and no library but commander', async () => {
  for (const args of [['--help'], ['--version'], []]) {
    const loaded = await modulesLoadedBy(...args);
    expect(loaded.some((url) => url.endsWith('/dist/cli.js'))).toBe(true);
    expect(
      loaded.filter((url) => /\/dist\/(server|broker|publisher|loadtest|config)\//.test(url)),
    ).toEqual([]);
    const packages = loaded.flatMap((url) => /node_modules\/([^/]+)/.exec(url)?.[1] ?? []);
    expect([...new Set(packages)]).toEqual(['commander']);
  }
});

test('help of a command loads the schema, not its engine', async () => {
  const loaded = await modulesLoadedBy('serve', '--help');
  expect(loaded.some((url) => url.endsWith('/dist/config/schema.js'))).toBe(true);
  expect(
    loaded.filter((url) =>
      /\/dist\/(server|publisher|loadtest)\/|node_modules\/(ws|kafkajs|prom-client)\//.test(url),
    ),
  ).toEqual([]);
});

test.skipIf(process.platform !== 'linux')(
  'a server that may not open as many sockets as it has room for clients says so at its start',
  async () => {
    await using server = spawnOdin([...serve, '--max-connections', '1']);
    const { pid } = server.child;
    await server.line(/"msg":"listening"/);
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))![1];
    await using greedy = spawnOdin([...serve, '--max-connections', limit!]);
    const warning = JSON.parse(await greedy.line(/"level":"warn"/));
    expect(warning).toMatchObject({ descriptors: Number(limit), needed: Number(limit) + 100 });
    await greedy.line(/"msg":"listening"/);
    for (const { child } of [server, greedy]) child.kill();
    const modest = await server.ended;
    expect(modest.stderr).not.toContain('"level":"warn"');
  },
);

test('serve, publish and loadtest work together across processes', async () => {
  await using server = spawnOdin(serve);
  const port = portOf(await server.line(/"msg":"listening"/));
  await server.line(/"msg":"ready"/);
  await using publisher = spawnOdin([
    'publish',
    '--target',
    `http://127.0.0.1:${port}`,
    '--rate',
    '100',
    '--api-port',
    '0',
    '--seed',
    '7',
  ]);
  await publisher.line(/"msg":"ready"/);
  await using loadtest = spawnOdin([
    'loadtest',
    '--url',
    `ws://127.0.0.1:${port}/ws`,
    '--connections',
    '100',
    '--duration',
    '3',
    '--channels',
    '*',
    '--json',
  ]);
  const { exitCode, stdout, stderr } = await loadtest.ended;
  expect(stderr).toContain('100/100 open');
  const report = JSON.parse(stdout);
  expect(faultsOf(report)).toEqual([]);
  expect(exitCode).toBe(report.verdict === 'pass' ? 0 : 98);
  expect(report).toMatchObject({
    schemaVersion: 1,
    connections: { target: 100, opened: 100, failed: 0, dropped: 0 },
    messages: { lost: 0, duplicated: 0, reordered: 0 },
  });
  // 3 s at 100/s to 100 clients, less what a busy machine puts off.
  expect(report.messages.received).toBeGreaterThan(10_000);
  publisher.child.kill('SIGINT');
  expect((await publisher.ended).exitCode).toBe(0);
  expect((await publisher.ended).stdout).toMatch(/events published/);
  server.child.kill('SIGTERM');
  expect((await server.ended).exitCode).toBe(0);
});

test('the demo ends by itself with a summary and 0; off a terminal its progress is plain lines', async () => {
  await using demo = spawnOdin(['demo', '--duration', '2', '--connections', '20']);
  const { exitCode, stdout, stderr } = await demo.ended;
  expect(stderr).toMatch(/events published/);
  expect(stderr).not.toContain('\u001B');
  expect(stdout).toMatch(
    /connections +20 of 20\npublished +\d+ events.*\ndelivered +[\d ]+ messages.*\nlost +0\nlatency +p50 \S+ +p99 \S+\n(failed +load test worker.*\n)*$/,
  );
  // A machine that was too busy is told.
  expect(exitCode).toBe(stdout.includes('\nfailed ') ? 98 : 0);
});

test('--keep prints addresses that answer, until Ctrl-C', async () => {
  await using demo = spawnOdin(['demo', '--duration', '1', '--connections', '5', '--keep']);
  const health = /http\S+/.exec(await demo.line(/^health/))![0];
  const status = /http\S+/.exec(await demo.line(/^publisher/))![0];
  expect(await (await fetch(health)).json()).toMatchObject({ status: 'healthy' });
  expect(await (await fetch(status)).json()).toMatchObject({ isRunning: true });
  await demo.line(/^still running/);
  demo.child.kill('SIGINT');
  expect((await demo.ended).exitCode).toBe(0);
});

test('Ctrl-C in a load test still prints the report and exits with 130', async () => {
  await using server = spawnOdin(serve);
  const port = portOf(await server.line(/"msg":"listening"/));
  await using loadtest = spawnOdin([
    'loadtest',
    '--url',
    `ws://127.0.0.1:${port}/ws`,
    '--connections',
    '20',
    '--duration',
    '600',
    '--json',
  ]);
  await loadtest.line(/hold/);
  loadtest.child.kill('SIGINT');
  const { exitCode, stdout } = await loadtest.ended;
  expect(JSON.parse(stdout)).toMatchObject({ verdict: 'interrupted', connections: { opened: 20 } });
  expect(exitCode).toBe(130);
});

test('commands that are told to stop end with their code also when the system holds something up', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'odin-'));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  // Opening a pipe that nobody writes to takes as long as a name service that does not answer.
  const code = `import { open } from 'node:fs'; open(${JSON.stringify(pipe)}, 'r', () => {});`;
  const held = { nodeOptions: ['--import', `data:text/javascript,${encodeURIComponent(code)}`] };
  await using server = spawnOdin(serve, held);
  const port = portOf(await server.line(/"msg":"listening"/));
  await using loadtest = spawnOdin(
    ['loadtest', '--url', `ws://127.0.0.1:${port}/ws`, '--connections', '5', '--duration', '60'],
    held,
  );
  await loadtest.line(/hold/);
  loadtest.child.kill('SIGINT');
  const { exitCode, stderr } = await loadtest.ended;
  expect(stderr).not.toMatch(/warning/i);
  expect([exitCode, loadtest.child.signalCode]).toEqual([130, null]);
  server.child.kill('SIGTERM');
  expect((await server.ended).exitCode).toBe(0);
  await rm(folder, { recursive: true });
});

test('a second Ctrl-C ends a load test at once, whatever its workers do', async () => {
  await using server = spawnOdin(serve);
  const port = portOf(await server.line(/"msg":"listening"/));
  const url = `ws://127.0.0.1:${port}/ws`;
  await using odin = spawnOdin([
    'loadtest',
    '--url',
    url,
    '--connections',
    '5',
    '--duration',
    '60',
  ]);
  await odin.line(/hold/);
  const { pid = 0 } = odin.child;
  const workers = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  // A worker that does not answer keeps the end of a run waiting.
  for (const worker of workers) process.kill(Number(worker), 'SIGSTOP');
  const presses = setInterval(() => odin.child.kill('SIGINT'), 100);
  const { stdout } = await odin.ended;
  clearInterval(presses);
  for (const worker of workers) process.kill(Number(worker), 'SIGKILL');
  expect(odin.child.signalCode).toBe('SIGINT');
  expect(stdout).toBe('');
});

test('a port in use is said in one line, with what to do, and exits with 4', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  await using server = spawnOdin(['serve', '--host', '127.0.0.1', '--port', String(port)]);
  const { exitCode, stderr, stdout } = await server.ended;
  other.close();
  expect(stderr).toBe(
    `error: port ${port} on 127.0.0.1 is in use\nhint: stop what listens there, or choose another with --port (0 takes a free one)\n`,
  );
  expect(stdout).toBe('');
  expect(exitCode).toBe(4);
});

test.each([
  [
    ['serve', '--port', '0', '--broker', 'kafka://127.0.0.1:1', '--kafka-connect-timeout', '500ms'],
    /cannot reach kafka:\/\/127\.0\.0\.1:1/,
  ],
  [
    ['publish', '--target', 'http://127.0.0.1:1', '--api-port', '0'],
    /cannot reach http:\/\/127\.0\.0\.1:1/,
  ],
  [
    ['topics', 'list', '--broker', 'kafka://127.0.0.1:1', '--kafka-connect-timeout', '500ms'],
    /cannot reach kafka:\/\/127\.0\.0\.1:1/,
  ],
])('odin %j says that nobody answers, with a hint, and exits with 4', async (args, message) => {
  await using odin = spawnOdin(args);
  const { exitCode, stderr } = await odin.ended;
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^hint: /m);
  expect(stderr).not.toMatch(/at .*\.js:\d+/);
  expect(exitCode).toBe(4);
});

test('a log that finds no room ends nothing, a result that finds none is said', () => {
  const run = (to: string) => {
    const shell = `ODIN_NOTHING=1 "${process.execPath}" bin/odin.js config env ${to}; echo $?`;
    return execFileSync('bash', ['-c', shell], { encoding: 'utf8', stdio: 'pipe' });
  };
  expect(run('2>/dev/full')).toMatch(/WS_FLUSH_INTERVAL=50ms[\s\S]*\n0\n$/);
  expect(run('2>&1 >/dev/full')).toMatch(
    /error: cannot write the output: no space is left on the device\nhint: make room: df -h .*\n3\n$/,
  );
});

test('a reader that goes away is no error', async () => {
  const { execPath } = process;
  const shell = `"${execPath}" bin/odin.js config docs | head -1; exit \${PIPESTATUS[0]}`;
  expect(execFileSync('bash', ['-c', shell], { encoding: 'utf8' })).toBe('# Configuration\n');
});

test.skipIf(oldNode === undefined)(
  'under an older Node it runs itself with the one it brings',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'odin-'));
    try {
      await using help = spawnOdin(['--help'], { node: oldNode!, cwd: folder });
      expect(await help.ended).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('Usage: odin'),
        stderr: '',
      });
      await using server = spawnOdin(serve, { node: oldNode!, cwd: folder });
      await server.line(/"msg":"ready"/);
      server.child.kill('SIGTERM');
      expect((await server.ended).exitCode).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

test.skipIf(oldNode === undefined)(
  'under an older Node, where there is no other, it says in one line what it needs',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'odin-'));
    try {
      await copyFile('bin/odin.js', join(folder, 'odin.js'));
      await writeFile(join(folder, 'package.json'), '{"type":"module"}');
      const child = spawn(oldNode!, [join(folder, 'odin.js'), '--help'], { stdio: 'pipe' });
      const [[exitCode], stderr] = await Promise.all([once(child, 'close'), text(child.stderr)]);
      expect(stderr).toMatch(/^error: odin needs Node 22\.12 or newer \(this is v\S+\): \S+\n$/);
      expect(exitCode).toBe(3);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

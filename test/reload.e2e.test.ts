/** SIGHUP to the built command: it reads its files again, and nobody is closed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { refusalOf, TestClient } from './support/client.ts';
import { type OdinProcess, oldNode, portOf, spawnOdin } from './support/spawn-odin.ts';

/** A server of a folder of its own, whose `odin.yaml` can be written. */
async function startInFolder(yaml: string, mode: string, args: string[] = [], node?: string) {
  const folder = await mkdtemp(join(tmpdir(), 'odin-reload-'));
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  await write('odin.yaml', yaml);
  const command = ['serve', '--mode', mode, '--host', '127.0.0.1', '--port', '0'];
  const log = ['--log-format', 'json', ...args];
  const odin = spawnOdin([...command, ...log], { cwd: folder, ...(node && { node }) });
  return {
    odin,
    write,
    hangUp: () => odin.child.kill('SIGHUP'),
    async url() {
      const port = portOf(await odin.line(/"msg":"listening"/));
      await odin.line(/"msg":"ready"/);
      return `ws://127.0.0.1:${port}/ws`;
    },
    async [Symbol.asyncDispose]() {
      await odin[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** The fields of the first log line that matches. */
async function logged(odin: OdinProcess, pattern: RegExp): Promise<Record<string, unknown>> {
  return JSON.parse(await odin.line(pattern));
}

const connections = (count: number) => `server:\n  maxConnections: ${count}\n`;

test.each(['single', 'multi'])(
  'in mode %s new limits hold after SIGHUP, and mistakes change nothing',
  async (mode) => {
    const shards = mode === 'multi' ? ['--shards', '2'] : [];
    await using server = await startInFolder(connections(2), mode, shards);
    const { odin, write, hangUp } = server;
    const url = await server.url();
    await using first = await TestClient.open(url);
    await using _second = await TestClient.open(url);
    expect((await refusalOf(url)).body).toMatchObject({ code: 'AT_CAPACITY' });

    await write('odin.yaml', connections(4));
    hangUp();
    expect(await logged(odin, /"msg":"limits reloaded"/)).toMatchObject({
      level: 'info',
      changed: ['server.maxConnections: 2 → 4'],
    });
    await using _third = await TestClient.open(url);

    await write('odin.yaml', 'server:\n  maxConnections: many\n  maxSubscriptons: 5\n');
    hangUp();
    expect(await logged(odin, /maxSubscriptons/)).toMatchObject({
      level: 'error',
      msg: 'limits not reloaded',
      complaint: 'odin.yaml: unknown key server.maxSubscriptons, did you mean maxSubscriptions?',
    });
    expect(await logged(odin, /server\.maxConnections: expected/)).toMatchObject({
      level: 'error',
      msg: 'limits not reloaded',
    });
    await write('odin.yaml', '');
    hangUp();
    expect(await logged(odin, /odin.yaml is empty/)).toMatchObject({ msg: 'limits not reloaded' });
    await using _fourth = await TestClient.open(url);
    expect((await refusalOf(url)).body).toMatchObject({ code: 'AT_CAPACITY' });

    await write('odin.yaml', `${connections(5)}  maxSubscriptions: 1\n  historyMs: 10s\n`);
    hangUp();
    expect(await logged(odin, /"settings that need a restart"/)).toMatchObject({
      level: 'warn',
      settings: ['server.historyMs: 30000 → 10000'],
    });
    await using _fifth = await TestClient.open(url);
    expect(await first.subscribe('BTC.trade', 'ETH.trade')).toMatchObject({ count: 1 });
    odin.child.kill('SIGTERM');
    expect((await odin.ended).exitCode).toBe(0);
  },
);

test('flags stay above the files that are read again, .env among them', async () => {
  await using server = await startInFolder('', 'single', ['--max-subscriptions', '7']);
  const { odin, write, hangUp } = server;
  await server.url();
  const names = ['WS_MAX_CONNECTIONS=9', 'ODIN_SERVER_MAX_SUBSCRIPTIONS=8'];
  await write('.env', names.join('\n'));
  hangUp();
  expect(await logged(odin, /"msg":"limits reloaded"/)).toMatchObject({
    changed: ['server.maxConnections: 12000 → 9'],
  });
  await write('.env', '');
  hangUp();
  expect(await logged(odin, /\.env is empty/)).toMatchObject({ msg: 'limits not reloaded' });
  await write('.env', '# no limit of mine');
  hangUp();
  expect(await logged(odin, /9 → 12000/)).toMatchObject({ msg: 'limits reloaded' });
});

test.skipIf(oldNode === undefined)(
  'SIGHUP reaches a server that runs under the Node it brings, and does not end it',
  async () => {
    await using server = await startInFolder(connections(1), 'single', [], oldNode);
    const { odin, write, hangUp } = server;
    const url = await server.url();
    await using _first = await TestClient.open(url);
    await write('odin.yaml', connections(2));
    hangUp();
    await odin.line(/server\.maxConnections: 1 → 2/);
    await using _second = await TestClient.open(url);
    odin.child.kill('SIGTERM');
    expect((await odin.ended).exitCode).toBe(0);
  },
);

test('SIGHUP ends a command that has nothing to reload as SIGTERM does', async () => {
  await using server = await startInFolder('', 'single');
  const target = (await server.url()).replace('ws:', 'http:').replace(/\/ws$/, '');
  const args = ['publish', '--idle', '--api-port', '0', '--log-format', 'json'];
  await using publisher = spawnOdin([...args, '--target', target]);
  await publisher.line(/"msg":"ready"/);
  publisher.child.kill('SIGHUP');
  await publisher.ended;
  expect(publisher.child).toMatchObject({ exitCode: 0, signalCode: null });
});

/** Mode multi as processes: how they start, end, and end each other. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { kill } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { TestClient } from './support/client.ts';
import { freePort } from './support/free-port.ts';
import { shardOf, statusOf } from './support/shards.ts';
import { type OdinProcess, portOf, spawnOdin } from './support/spawn-odin.ts';

interface Node extends OdinProcess {
  readonly http: string;
  readonly url: string;
}

const args = ['serve', '--mode', 'multi', '--host', '127.0.0.1', '--port', '0'];

function start(...more: string[]): OdinProcess {
  return spawnOdin([...args, '--log-format', 'json', ...more]);
}

/** A node that is ready. */
async function serve(...more: string[]): Promise<Node> {
  const process = start(...more);
  const port = portOf(await process.line(/"msg":"listening"/));
  await process.line(/"msg":"ready"/);
  return Object.assign(process, {
    http: `http://127.0.0.1:${port}`,
    url: `ws://127.0.0.1:${port}/ws`,
  });
}

function isAlive(pid: number): boolean {
  try {
    return kill(pid, 0);
  } catch {
    return false;
  }
}

async function pidsOf(node: Node): Promise<number[]> {
  return (await statusOf(node)).shards.map(({ pid }) => pid as number);
}

/** Processes of shards in the log so far. */
function pidsIn(lines: string): number[] {
  return [...lines.matchAll(/"pid":(\d+)[^\n]*"msg":"shard serves"/g)].map(([, pid]) =>
    Number(pid),
  );
}

async function untilGone(pids: readonly number[]): Promise<void> {
  await expect.poll(() => pids.filter(isAlive)).toEqual([]);
}

test('SIGTERM lets all clients go, ends every process and exits 0', async () => {
  await using node = await serve('--shards', '3');
  const pids = await pidsOf(node);
  await using clients = new AsyncDisposableStack();
  const opened: TestClient[] = [];
  for (let n = 0; n < 30; n++) opened.push(clients.use(await TestClient.open(node.url)));
  const startedMs = performance.now();
  node.child.kill('SIGTERM');
  for (const client of opened) expect(await client.closing()).toMatchObject({ code: 1001 });
  const { exitCode, stderr } = await node.ended;
  expect(exitCode).toBe(0);
  // Of the 25 s that it may take.
  expect(performance.now() - startedMs).toBeLessThan(15_000);
  expect(stderr).not.toContain('shard ended');
  await untilGone(pids);
});

test('Ctrl-C, which all processes get, is a drain too', async () => {
  await using node = await serve('--shards', '2');
  const pids = await pidsOf(node);
  await using client = await TestClient.open(node.url);
  for (const pid of pids) kill(pid, 'SIGINT');
  node.child.kill('SIGINT');
  expect(await client.closing()).toMatchObject({ code: 1001 });
  expect(await node.ended).toMatchObject({ exitCode: 0 });
  await untilGone(pids);
});

test('a second SIGTERM ends everything at once', async () => {
  await using node = await serve('--shards', '2');
  const pids = await pidsOf(node);
  // It never answers its close frame, and so keeps the drain waiting.
  await using client = await TestClient.open(node.url);
  client.socket.pause();
  node.child.kill('SIGTERM');
  await node.line(/"msg":"drain started"/);
  // Two at once would count as one, which a wrapper passed on.
  await delay(400);
  const startedMs = performance.now();
  node.child.kill('SIGTERM');
  await node.ended;
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  expect(node.child.signalCode).toBe('SIGTERM');
  await untilGone(pids);
});

test('when the primary is killed, its shards end', async () => {
  await using node = await serve('--shards', '3');
  const pids = await pidsOf(node);
  await using client = await TestClient.open(node.url);
  node.child.kill('SIGKILL');
  await untilGone(pids);
  expect(await client.closing()).toMatchObject({ code: 1006 });
});

test.each([0, 100, 200, 300, 400, 600])(
  'SIGTERM %i ms after the start ends it soon',
  async (ms) => {
    await using node = start('--shards', '2');
    await node.line(/"msg":"listening"/);
    await delay(ms);
    const startedMs = performance.now();
    node.child.kill('SIGTERM');
    const { exitCode, stdout, stderr } = await node.ended;
    expect(exitCode).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    await untilGone(pidsIn(stdout + stderr));
  },
);

test.each([0, 150, 300, 450])(
  'SIGTERM %i ms after the death of a shard lets the others go',
  async (ms) => {
    await using node = await serve('--shards', '2');
    const pids = await pidsOf(node);
    await using one = await TestClient.open(node.url);
    await using other = await TestClient.open(node.url);
    const dying = shardOf(await one.next('welcome'));
    kill(pids[dying] as number, 'SIGKILL');
    await one.closing();
    await delay(ms);
    const startedMs = performance.now();
    node.child.kill('SIGTERM');
    expect(await other.closing()).toMatchObject({ code: 1001 });
    const { exitCode, stdout, stderr } = await node.ended;
    expect(exitCode).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    await untilGone([...pids, ...pidsIn(stdout + stderr)]);
  },
);

test('a shard that is killed again and again makes the node give up, with one clear error', async () => {
  await using node = await serve('--shards', '2');
  await using client = await TestClient.open(node.url);
  const kept = shardOf(await client.next('welcome'));
  const victim = 1 - kept;
  // A process that was killed is still there for a moment, and answers that cross say so.
  const killed = new Set<number>();
  const killing = setInterval(async () => {
    const status = await statusOf(node).catch(() => undefined);
    const shard = status?.shards[victim];
    if (shard?.state !== 'serving' || shard.pid === null || !isAlive(shard.pid)) return;
    kill(shard.pid, 'SIGKILL');
    killed.add(shard.pid);
  }, 100);
  const { exitCode, stderr } = await node.ended;
  clearInterval(killing);
  expect(killed.size).toBe(5);
  expect(await client.closing()).toMatchObject({ code: 1001 });
  expect(exitCode).toBe(1);
  const errors = stderr.split('\n').filter((line) => /^(error|hint):/.test(line));
  expect(errors).toEqual([
    `error: shard ${victim} ended again and again; the last time: code null, signal SIGKILL`,
    'hint: the log says more; --mode single serves without shards',
  ]);
});

test('a taken port of a shard is said at the start', async () => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as AddressInfo;
  await using node = start('--shards', '1', '--shard-base-port', String(port));
  const { exitCode, stderr } = await node.ended;
  blocker.close();
  expect(exitCode).toBe(4);
  const errors = stderr.split('\n').filter((line) => /^(error|hint):/.test(line));
  expect(errors[0]).toBe(`error: shard 0: port ${port} on 127.0.0.1 is in use`);
  expect(errors[1]).toContain('--shard-base-port');
  expect(errors).toHaveLength(2);
});

test('ports of shards that do not exist are said before anything starts', async () => {
  await using node = start('--shards', '3', '--shard-base-port', '65534');
  const { exitCode, stderr } = await node.ended;
  expect(exitCode).toBe(2);
  expect(stderr.split('\n')[0]).toBe(
    'error: server.shards.basePort: 3 ports from 65534 up do not exist',
  );
});

test('each shard answers on its own port for the whole node, within its limits', async () => {
  const base = await freePort(2);
  await using node = await serve('--shards', '2', '--shard-base-port', String(base));
  const urlOf = (shard: number) => `ws://127.0.0.1:${base + shard}/ws`;
  await using direct = await TestClient.open(urlOf(1));
  await using _other = await TestClient.open(urlOf(1));
  await using _third = await TestClient.open(node.url);
  expect(shardOf(await direct.next('welcome'))).toBe(1);
  for (const shard of [0, 1]) {
    const http = `http://127.0.0.1:${base + shard}`;
    await expect
      .poll(() => statusOf({ http }))
      .toMatchObject({
        connections: { current: 3 },
        shards: [{ connections: 1 }, { connections: 2 }],
      });
    const health = await fetch(`http://127.0.0.1:${base + shard}/health`);
    expect(await health.json()).toMatchObject({
      status: 'healthy',
      checks: { shards: [{ connections: 1 }, { connections: 2 }] },
    });
  }
});

/** Health, metrics and status of a node with shards, from any of its connections. */
import { kill } from 'node:process';
import { expect, test } from 'vitest';
import type { StatusReport } from '../src/protocol/status-report.ts';
import { TestClient } from './support/client.ts';
import { record, startTestServer, type TestServer } from './support/start-server.ts';

const multi = { mode: 'multi', shards: { count: 3 } };

/** Each on a connection of its own, and so from one shard or another. */
async function ask(server: TestServer, path: string): Promise<Response> {
  return await fetch(`${server.http}${path}`, { headers: { connection: 'close' } });
}

async function statusOf(server: TestServer): Promise<StatusReport> {
  return (await (await ask(server, '/api/status')).json()) as StatusReport;
}

test('every connection answers for the whole node, and shows each shard', async () => {
  await using server = await startTestServer(multi);
  await using clients = new AsyncDisposableStack();
  const opened = [];
  for (let n = 0; n < 6; n++) opened.push(clients.use(await TestClient.open(server.url)));
  for (const client of opened) await client.subscribe('*');
  await server.publish(record('BTC'), record('ETH'));
  for (const client of opened) await client.events(2);
  // A shard that does not answer soon is counted as it was.
  await expect.poll(async () => (await statusOf(server)).messages.delivered).toBe(12);
  for (let round = 0; round < 6; round++) {
    const status = await statusOf(server);
    expect(status).toMatchObject({
      mode: 'multi',
      connections: { current: 6, accepted: 6 },
      messages: { ingested: 2, delivered: 12 },
    });
    expect(status.shards.map(({ connections }) => connections)).toEqual([2, 2, 2]);
    expect(status.shards.map(({ delivered }) => delivered)).toEqual([4, 4, 4]);
    const text = await (await ask(server, '/metrics')).text();
    expect(text).toContain('\nws_total_messages 12\n');
    expect(text).toContain('\nws_current_connections 6\n');
    for (const shard of [0, 1, 2]) {
      expect(text).toContain(`\nws_shard_connections{shard_id="${shard}"} 2\n`);
      expect(text).toContain(`\nodin_shard_up{shard_id="${shard}"} 1\n`);
    }
  }
});

test('a batch that comes again through another shard is answered again, not taken again', async () => {
  await using server = await startTestServer(multi);
  const post = () =>
    fetch(`${server.http}/api/publish`, {
      method: 'POST',
      body: '{"key":"BTC","type":"TRADE_EXECUTED","timestamp":1,"data":{}}',
      headers: {
        ...{ connection: 'close', 'content-type': 'application/x-ndjson' },
        ...{ 'x-odin-producer': 'p', 'x-odin-batch': '1' },
      },
    });
  const answers = await Promise.all(Array.from({ length: 6 }, post));
  for (const answer of answers) expect(await answer.json()).toEqual({ accepted: 1 });
  expect((await statusOf(server)).messages.ingested).toBe(1);
});

test('when a shard dies, health names it, its clients count as lost, and no count goes down', async () => {
  await using server = await startTestServer(multi);
  await using clients = new AsyncDisposableStack();
  for (let n = 0; n < 3; n++) {
    const client = clients.use(await TestClient.open(server.url));
    await client.subscribe('*');
  }
  await server.publish(record('BTC'));
  await expect.poll(async () => (await statusOf(server)).messages.delivered).toBe(3);
  const before = await statusOf(server);
  const seen: string[] = [];
  kill(before.shards[1]?.pid as number, 'SIGKILL');
  await expect
    .poll(
      async () => {
        const { status, warnings } = (await (await ask(server, '/health')).json()) as {
          status: string;
          warnings: string[];
        };
        seen.push(...warnings);
        const { shards } = await statusOf(server);
        return [status, shards[1]?.restarts];
      },
      { interval: 10 },
    )
    .toEqual(['healthy', 1]);
  expect(seen).toContainEqual(expect.stringMatching(/^shard 1 serves no clients: it is /));
  const after = await statusOf(server);
  expect(after.shards[1]).toMatchObject({ state: 'serving', connections: 0 });
  expect(after.shards[1]?.pid).not.toBe(before.shards[1]?.pid);
  expect(after.connections).toMatchObject({ current: 2, accepted: 3, lost: 1 });
  expect(after.messages.delivered).toBe(3);
  expect(after.flush.count).toBeGreaterThanOrEqual(before.flush.count);
});

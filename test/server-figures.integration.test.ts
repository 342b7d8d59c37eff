/** What a server tells of itself on real sockets: its metrics and its status, and that they stay as they are. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { StatusReport } from '../src/protocol/status-report.ts';
import { TestClient } from './support/client.ts';
import { mode, record, servingProcesses, startTestServer } from './support/start-server.ts';

test('/metrics shows what docs/metrics.md names, with a latency for every event', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  await client.subscribe('*');
  await server.publish(record('BTC'), record('ETH'));
  await client.events(2);
  const text = await (await fetch(`${server.http}/metrics`)).text();
  const shown = [...text.matchAll(/^# HELP ((?:ws|odin)_\w+) /gm)].map(([, name]) => name);
  const [page = ''] = readFileSync('docs/metrics.md', 'utf8').split('## Of a load test');
  const named = [...page.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(shown.toSorted()).toEqual(named.toSorted());
  // Shards without clients may get the events later.
  await expect
    .poll(() => server.metric('odin_delivery_latency_seconds_count'))
    .toBe(2 * servingProcesses);
  await expect
    .poll(() => server.metric('odin_delivery_latency_seconds_bucket{le="+Inf"}'))
    .toBe(2 * servingProcesses);
  await expect
    .poll(() => server.metric('odin_delivery_latency_seconds_bucket{le="30"}'))
    .toBe(2 * servingProcesses);
});

test('/api/status counts what the node did, with a latency for every event', async () => {
  await using server = await startTestServer({ maxConnections: 9 });
  const status = async () =>
    (await (await fetch(`${server.http}/api/status`)).json()) as StatusReport;
  const before = await status();
  expect(before).toMatchObject({
    ...{ schemaVersion: 1, node: 'test-node', ready: true, drain: null },
    connections: { current: 0, max: 9, accepted: 0, refused: {}, closed: {} },
    messages: { ingested: 0, delivered: 0 },
    broker: { kind: 'embedded', connected: true, lag_records: 0, last_error: null },
  });
  await using client = await TestClient.open(server.url);
  const refused = new WebSocket(`${server.url}/elsewhere`);
  await once(refused, 'unexpected-response');
  await client.subscribe('*');
  await server.publish(record('BTC'), record('ETH'));
  await client.events(2);
  // Shards without clients may get the events later.
  await expect.poll(async () => (await status()).latency.count).toBe(2 * servingProcesses);
  const after = await status();
  expect(after).toMatchObject({
    connections: { current: 1, accepted: 1, refused: { NOT_FOUND: 1 } },
    messages: { ingested: 2, delivered: 2 },
    history: { events: 2, warm: true },
  });
  const shards = mode === 'multi' ? [0, 1, 2] : [];
  expect(after.mode).toBe(mode);
  expect(after.shards).toMatchObject(shards.map((shard) => ({ shard, state: 'serving' })));
  const { count, buckets, p50_ms, max_ms } = after.latency;
  expect(count).toBe(2 * servingProcesses);
  expect(buckets.at(-1)).toEqual({ le_ms: null, count });
  expect(p50_ms).toBeGreaterThan(0);
  expect(max_ms).toBeGreaterThanOrEqual(p50_ms as number);
  expect(after.monotonic_ms).toBeGreaterThan(before.monotonic_ms);
  expect(after.process.cpu_ms).toBeGreaterThanOrEqual(before.process.cpu_ms);
});

test('metrics do not grow with what there is to see', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  await client.subscribe('*');
  const series = async () => {
    const text = await (await fetch(`${server.http}/metrics`)).text();
    return text.split('\n').filter((line) => /^(ws|odin)_/.test(line)).length;
  };
  await server.publish(record('T0'));
  await client.events(1);
  const latencies = () => server.metric('odin_delivery_latency_seconds_count');
  await expect.poll(latencies).toBe(servingProcesses);
  const before = await series();
  await server.publish(...Array.from({ length: 500 }, (_, n) => record(`T${n}`)));
  await client.events(501);
  await expect.poll(latencies).toBe(501 * servingProcesses);
  await using _other = await TestClient.open(server.url);
  expect(await series()).toBe(before);
});

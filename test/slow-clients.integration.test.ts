/** Slow clients on real sockets: they are spared and told, recover or are closed; others see nothing. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { OutgoingRecord } from '../src/broker/broker.ts';
import type { EventType } from '../src/events/event-types.ts';
import { type Received, TestClient } from './support/client.ts';
import { portOf, spawnOdin } from './support/spawn-odin.ts';
import { mode, record, startTestServer, type TestServer } from './support/start-server.ts';

const filler = 'x'.repeat(1_000);
const types: EventType[] = [
  'TRADE_EXECUTED',
  'PRICE_DELTA_UPDATED',
  'SOCIAL_LINKS_UPDATED',
  'LIQUIDITY_ADDED',
];
const perBatch = 400;
const lowBuffer = { maxBufferedBytes: '16KiB', historyBytes: '256MiB' };

/** Events of all priorities on many channels. */
function mixedBatch(): OutgoingRecord[] {
  return Array.from({ length: perBatch }, (_, i) =>
    record(`T${i % 5}`, types[i % types.length], { filler }),
  );
}

/** Publishes until `isDone`; `quick` sees every event at once, whatever the others do. */
async function publishUntil(
  server: TestServer,
  quick: TestClient,
  makeBatch: () => OutgoingRecord[],
  isDone: () => Promise<boolean> | boolean,
): Promise<number> {
  let published = 0;
  while (!(await isDone())) {
    expect(published).toBeLessThan(200_000);
    const batch = makeBatch();
    await server.publish(...batch);
    published += batch.length;
    await quick.events(published);
  }
  return published;
}

function countByChannel(events: readonly Received[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { channel } of events) counts[String(channel)] = (counts[String(channel)] ?? 0) + 1;
  return counts;
}

/** What it received and what it was told it did not get, by channel. */
function accountFor(client: TestClient): Record<string, number> {
  const counts = countByChannel(client.received);
  for (const { type, channels } of client.messages) {
    if (type !== 'skipped') continue;
    for (const [name, count] of Object.entries(channels as Record<string, number>)) {
      counts[name] = (counts[name] ?? 0) + count;
    }
  }
  return counts;
}

test.each([
  ['v2', 'conflate'],
  ['v1', 'conflate'],
  ['v2', 'priority'],
  ['v2', 'percentage'],
] as const)(
  'a %s client that stops reading is throttled by %s, and recovers',
  async (version, strategy) => {
    const throttle = { strategy, saturationMs: '200ms', recoveryMs: '400ms' };
    await using server = await startTestServer({ ...lowBuffer, throttle });
    await using slow = await TestClient.open(server.url, version);
    await using quick = await TestClient.open(server.url);
    await slow.subscribe('*');
    await quick.subscribe('*');
    slow.socket.pause();
    await publishUntil(server, quick, mixedBatch, async () => {
      return (await server.metric('ws_throttled_clients_medium')) === 1;
    });
    slow.socket.resume();
    const isRecovered = () =>
      slow.messages.some(({ type, level }) => type === 'throttle_update' && level === 0);
    await slow.until(isRecovered, 20_000);
    const levels = slow.messages.flatMap(({ type, level, rate_percent }) =>
      type === 'throttle_update' ? [[level, rate_percent]] : [],
    );
    expect(levels.slice(0, 2)).toEqual([
      [1, 75],
      [2, 50],
    ]);
    expect(levels.at(-1)).toEqual([0, 100]);
    const published = countByChannel(quick.received);
    await slow.until(
      () => JSON.stringify(sorted(accountFor(slow))) === JSON.stringify(sorted(published)),
    );
    const ofPriority = (client: TestClient, priority: string) =>
      client.received.filter((event) => event['priority'] === priority).length;
    expect(ofPriority(slow, 'CRITICAL')).toBe(ofPriority(quick, 'CRITICAL'));
    expect(slow.received.length).toBeLessThan(quick.received.length);
    expect(
      quick.messages.some(({ type }) => type === 'skipped' || type === 'throttle_update'),
    ).toBe(false);
    if (version === 'v1') {
      expect(slow.received.map(({ seq }) => seq)).toEqual(slow.received.map((_, i) => i + 1));
    }
    await expect
      .poll(() => server.metric('odin_events_spared_total{priority="LOW"}'))
      .toBe(ofPriority(quick, 'LOW') - ofPriority(slow, 'LOW'));
    await expect
      .poll(() => server.metric('ws_throttle_transitions_total{from_level="0",to_level="1"}'))
      .toBe(1);
    await expect.poll(() => server.metric('ws_throttled_clients_medium')).toBe(0);
    await expect
      .poll(() => server.logLines.filter(({ audit }) => audit === 'throttled').length)
      .toBe(levels.length);
  },
);

test('a client that reads nothing is closed with 4001 and the position to resume from', async () => {
  const throttle = { saturationMs: '50ms' };
  await using server = await startTestServer({ ...lowBuffer, throttle });
  await using slow = await TestClient.open(server.url);
  await using quick = await TestClient.open(server.url);
  await slow.subscribe('BTC.trade');
  await quick.subscribe('*');
  slow.socket.pause();
  const batch = () =>
    Array.from({ length: perBatch }, () => record('BTC', 'TRADE_EXECUTED', { filler }));
  await publishUntil(server, quick, batch, () =>
    server.logLines.some(({ audit }) => audit === 'disconnected_by_policy'),
  );
  slow.socket.resume();
  const { code, reason } = await slow.closing();
  const last = slow.received.at(-1)!['offset'];
  expect({ code, reason }).toEqual({
    code: 4001,
    reason: `client too slow: resume from BTC.trade@${last}`,
  });
  // Nothing was skipped: what it has got is the beginning of everything.
  const offsets = (client: TestClient) => client.received.map(({ offset }) => offset);
  expect(offsets(slow)).toEqual(offsets(quick).slice(0, slow.received.length));
  await expect.poll(() => server.metric('ws_disconnects_total{reason="tooSlow"}')).toBe(1);
});

// A process of its own, and of one mode.
test.skipIf(mode === 'multi')(
  'a hundred stalled clients cost the server a bounded amount of memory',
  async () => {
    const env = {
      WS_THROTTLE_STRATEGY: 'none',
      ODIN_SERVER_HISTORY_BYTES: '8MiB',
      ODIN_BROKER_EMBEDDED_MAX_BYTES: '8MiB',
    };
    const args = ['serve', '--port', '0', '--host', '127.0.0.1', '--log-format', 'json'];
    await using odin = spawnOdin(args, { env });
    const port = portOf(await odin.line(/"listening"/));
    await odin.line(/"ready"/);
    const url = `http://127.0.0.1:${port}/api/publish`;
    const publish = async (megabytes: number) => {
      for (let sent = 0; sent < megabytes; sent++) {
        const line = {
          key: 'BTC',
          type: 'TRADE_EXECUTED',
          timestamp: Date.now(),
          data: { filler },
        };
        const body = `${JSON.stringify(line)}\n`.repeat(900);
        const headers = { 'content-type': 'application/x-ndjson' };
        const response = await fetch(url, { method: 'POST', headers, body });
        await response.arrayBuffer();
        expect(response.status).toBe(200);
      }
    };
    await using clients = new AsyncDisposableStack();
    const connect = async () => {
      const client = clients.use(await TestClient.open(`ws://127.0.0.1:${port}/ws`));
      await client.subscribe('BTC.trade');
      return client;
    };
    await connect();
    // The history, its ring and the heap have the size they keep.
    await publish(30);
    const before = residentBytes(odin.child.pid!);
    for (const client of await Promise.all(Array.from({ length: 100 }, connect))) {
      client.socket.pause();
    }
    await publish(12);
    const behind = async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return Number(/^ws_connections_behind (\d+)/m.exec(metrics)?.[1]);
    };
    // The one that reads may be so for a moment.
    await expect.poll(behind).toBe(100);
    // Queued, they would be owed 100 × (12 MB less what the kernel holds): hundreds of MiB.
    const grownMiB = (residentBytes(odin.child.pid!) - before) / 2 ** 20;
    expect(grownMiB).toBeLessThan(100);
  },
);

function sorted(counts: Record<string, number>): [string, number][] {
  return Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Tests of connector.ts through a client: when it connects, gives up, and comes back. */
import { expect, test, vi } from 'vitest';
import { after, connectingClient, withFakeClock } from '../../test/support/sdk-world.ts';
import { createRandom } from '../base/random.ts';
import { disconnects } from '../protocol/disconnects.ts';
import { comebackOf } from './comeback.ts';

withFakeClock();

test('close codes ask for what the table of the protocol says', () => {
  for (const { code, mayReturn } of Object.values(disconnects)) {
    const isFinal = ['never', 'with-token'].includes(comebackOf(code));
    expect(isFinal, String(code)).toBe(!mayReturn);
  }
  for (const code of [0, 1000, 1002, 1005, 1006, 1007, 1012, 3000, 4499])
    expect(comebackOf(code), String(code)).toBe('soon');
  expect([4500, 4999].map(comebackOf)).toEqual(['never', 'never']);
});

test('attempts back off with full jitter, up to a limit, until a connection lasts', async () => {
  const random = createRandom(1);
  const { net, changes } = await connectingClient({
    ...{ minBackoffMs: 100, maxBackoffMs: 1_000, stableMs: 5_000, protocols: ['v2'] },
    random: () => random.next(),
  });
  for (let attempt = 0; attempt < 8; attempt++) {
    net.last.end();
    await after(changes.at(-1)!.retryMs!);
  }
  const waits = changes.flatMap(({ retryMs }) => retryMs ?? []);
  for (const [n, waitMs] of waits.entries())
    expect(waitMs, `attempt ${n}`).toBeLessThan(Math.min(1_000, 100 * 2 ** n));
  expect(Math.max(...waits)).toBeGreaterThan(400);
  net.last.accept();
  await after(4_000);
  net.last.end();
  expect(changes.at(-1)!.retryMs).toBeGreaterThan(100);
  await after(1_000);
  net.last.accept();
  await after(5_000);
  net.last.end();
  expect(changes.at(-1)!.retryMs).toBeLessThan(100);
});

test('a server that does not answer in time is given up', async () => {
  const { net, changes } = await connectingClient({ connectMs: 3_000 });
  await after(3_000);
  expect(net.last.closedWith).toBe(4000);
  expect(changes.at(-1)).toMatchObject({ state: 'waiting', reason: 'no answer' });
});

test('silence for two heartbeats is the end of a connection', async () => {
  const { net, client, errors } = await connectingClient();
  net.last.accept({ heartbeat_ms: 1_000 });
  await after(900);
  net.last.answersHeartbeats = false;
  await after(1_500);
  expect(client.state).toBe('open');
  await after(600);
  expect(client.state).not.toBe('open');
  expect(errors).toEqual(['NO_ANSWER']);
});

test('after a sleep the server is asked first, since what came meanwhile is still to be read', async () => {
  const { net, client } = await connectingClient();
  net.last.accept({ heartbeat_ms: 1_000 });
  net.last.answersHeartbeats = false;
  const now = performance.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now + 60_000);
  await after(500);
  const { heartbeats } = net.last;
  net.last.tell({ type: 'pong', ts: Date.now() });
  clock.mockRestore();
  await after(1_500);
  expect([client.state, heartbeats]).toEqual(['open', 2]);
});

test('the way to the server is measured', async () => {
  const { net, client } = await connectingClient();
  net.last.answersHeartbeats = false;
  net.last.accept();
  await after(80);
  net.last.tell({ type: 'pong', ts: Date.now() });
  expect(client.roundTripMs).toBe(80);
});

test('a notice is obeyed at its time, and the return is at once', async () => {
  const { net, changes } = await connectingClient();
  net.last.accept();
  await after(2_000);
  net.last.tell({ type: 'reconnect_notice', after_ms: 700, reason: 'drain' });
  await after(699);
  expect(net.sockets).toHaveLength(1);
  await after(1);
  expect(net.sockets).toHaveLength(2);
  expect(changes.at(-1)).toMatchObject({ state: 'connecting', previous: 'open' });
  net.last.accept();
  net.last.tell({ type: 'reconnect_notice', after_ms: 700, reason: 'drain' });
  net.last.end(1001);
  await after();
  expect(net.sockets).toHaveLength(3);
});

test('a connection that reached its lifetime comes back at once, but not in a loop', async () => {
  const { net } = await connectingClient();
  net.last.accept();
  await after(1_000);
  net.last.end(4002);
  await after();
  expect(net.sockets).toHaveLength(2);
  net.last.accept();
  net.last.end(4002);
  await after();
  expect(net.sockets).toHaveLength(2);
});

test.each([1008, 1009, 4502])('after close code %i it does not return', async (code) => {
  const { net, client, errors, opened } = await connectingClient();
  net.last.end(code, 'because');
  await after(60_000);
  expect([client.state, net.sockets.length, errors]).toEqual(['closed', 1, ['CLOSED_BY_SERVER']]);
  await expect(opened).rejects.toThrow('because');
});

test('a server that takes no subprotocol is spoken to in v1, after a second try', async () => {
  const { net, client } = await connectingClient({ connectMs: 60_000 });
  const events: unknown[] = [];
  client.on('event', (event) => events.push(event));
  client.subscribe('BTC.trade');
  const isOpen = () => client.state === 'open';
  for (let attempt = 0; attempt < 10 && !isOpen(); attempt++) {
    // As browsers do when no subprotocol is chosen of those that were offered.
    if (net.last.offered.length > 0) net.last.end();
    else net.last.acceptPlain();
    await after(isOpen() ? 0 : 30_000);
  }
  expect(net.sockets.map(({ offered }) => offered.length)).toEqual([2, 2, 0, 2, 0]);
  // Such a server repeats no id, and numbers its messages.
  net.last.tell({ type: 'subscription_ack', subscribed: ['BTC.trade'], count: 1 });
  net.last.tell({ seq: 1, ts: 1, type: 'price:update', data: {} });
  net.last.tell({ seq: 4, ts: 2, type: 'price:update', data: {} });
  expect(events).toHaveLength(2);
  expect(net.last.said.at(-1)).toEqual({ type: 'replay', data: { from_seq: 2, to_seq: 3 } });
});

test('a server that was only away is not taken for an old one', async () => {
  const { net, client } = await connectingClient({ connectMs: 60_000 });
  for (let attempt = 0; attempt < 2; attempt++) {
    net.last.end();
    await after(30_000);
  }
  expect(net.last.offered).toEqual([]);
  net.last.acceptPlain();
  await after();
  expect(net.last.offered).toEqual(['odin.v2', 'odin.v1']);
  net.last.accept();
  expect(client.state).toBe('open');
});

test('an address that is none is said at once', async () => {
  const { client, errors, opened } = await connectingClient({ url: 'not an address' });
  expect([client.state, errors]).toEqual(['closed', ['CONNECT_FAILED']]);
  await expect(opened).rejects.toThrow('closed');
});

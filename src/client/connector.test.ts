import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fakeWebSockets } from '../../test/support/fake-web-socket.ts';
import { createRandom } from '../base/random.ts';
import { disconnects } from '../protocol/disconnects.ts';
import { comebackOf } from './comeback.ts';
import { OdinClient, type OdinClientOptions, type StateChange } from './index.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_763_673_600_000 });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const after = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

/** A client that has started to connect on fake sockets. */
async function world(options: Partial<OdinClientOptions> = {}) {
  const net = fakeWebSockets();
  const client = new OdinClient({
    url: 'ws://odin.test/ws',
    WebSocket: net.WebSocket,
    random: () => 0.5,
    ...options,
  });
  const changes: StateChange[] = [];
  const errors: string[] = [];
  const expired: unknown[] = [];
  client.on('state', (change) => changes.push(change));
  client.on('error', ({ code }) => errors.push(code));
  client.on('token-expired', (value) => expired.push(value));
  const opened = client.connect();
  await after();
  return { net, client, changes, errors, expired, opened };
}

/** A token that says when it expires. */
function tokenUntil(expiresMs: number): string {
  const claims = Buffer.from(JSON.stringify({ sub: 'ann', exp: expiresMs / 1_000 }));
  return `h.${claims.toString('base64url')}.s`;
}

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
  const { net, changes } = await world({
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
  const { net, changes } = await world({ connectMs: 3_000 });
  await after(3_000);
  expect(net.last.closedWith).toBe(4000);
  expect(changes.at(-1)).toMatchObject({ state: 'waiting', reason: 'no answer' });
});

test('silence for two heartbeats is the end of a connection', async () => {
  const { net, client, errors } = await world();
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
  const { net, client } = await world();
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
  const { net, client } = await world();
  net.last.answersHeartbeats = false;
  net.last.accept();
  await after(80);
  net.last.tell({ type: 'pong', ts: Date.now() });
  expect(client.roundTripMs).toBe(80);
});

test('a notice is obeyed at its time, and the return is at once', async () => {
  const { net, changes } = await world();
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
  const { net } = await world();
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
  const { net, client, errors, opened } = await world();
  net.last.end(code, 'because');
  await after(60_000);
  expect([client.state, net.sockets.length, errors]).toEqual(['closed', 1, ['CLOSED_BY_SERVER']]);
  await expect(opened).rejects.toThrow('because');
});

test('an expired token is replaced once; if that one expires at once too, it is over', async () => {
  const reasons: string[] = [];
  const token = ({ reason }: { reason: string }) => `token-${reasons.push(reason)}`;
  const { net, client, expired } = await world({ token });
  expect(net.last.url).toBe('ws://odin.test/ws?token=token-1');
  net.last.accept();
  net.last.end(4501, 'token expired');
  await after();
  expect(net.last.url).toBe('ws://odin.test/ws?token=token-2');
  net.last.accept();
  net.last.end(4501, 'token expired');
  await after(60_000);
  expect(reasons).toEqual(['connect', 'expired']);
  expect([client.state, expired]).toEqual(['closed', [{ final: false }, { final: false }]]);
});

test('without another token, expiry is final', async () => {
  const { net, client, expired } = await world({ token: 'only' });
  net.last.accept();
  net.last.end(4501);
  expect([client.state, expired]).toEqual(['closed', [{ final: true }]]);
});

test('a token is renewed before it expires, and again before the next one does', async () => {
  const start = Date.now();
  let count = 0;
  const token = () => tokenUntil(start + ++count * 100_000);
  const { net } = await world({ token });
  net.last.accept();
  await after(79_999);
  expect(net.last.said).toEqual([]);
  await after(1);
  const [first] = net.last.said;
  expect(first).toMatchObject({
    type: 'refresh_token',
    data: { token: tokenUntil(start + 200_000) },
  });
  net.last.tell({ type: 'refresh_ack', id: first!.id, expires_at: start + 200_000, dropped: [] });
  await after(96_001);
  expect(net.last.said).toHaveLength(2);
});

test('a function that has no token is asked again, with back-off', async () => {
  let asked = 0;
  const token = () => {
    if (++asked < 3) throw new Error('signed out');
    return 'at last';
  };
  const { net, errors } = await world({ token });
  expect([asked, net.sockets.length]).toEqual([1, 0]);
  await after(2_000);
  expect([asked, net.sockets.length]).toEqual([3, 1]);
  expect(errors).toEqual(['TOKEN_FAILED', 'TOKEN_FAILED']);
});

test('offline, a connection that has died is found out long before its silence', async () => {
  const page = new EventTarget();
  const navigator = { onLine: true };
  vi.stubGlobal('navigator', navigator);
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  const { net, client } = await world();
  net.last.accept();
  navigator.onLine = false;
  page.dispatchEvent(new Event('offline'));
  // It was on its way, and says nothing of what comes after it.
  await after();
  net.last.answersHeartbeats = false;
  await after(4_000);
  expect(client.state).toBe('open');
  await after(8_000);
  expect(client.state).toBe('offline');
});

test('offline there are no attempts; back online there is one at once', async () => {
  const page = new EventTarget();
  const navigator = { onLine: true };
  vi.stubGlobal('navigator', navigator);
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  const { net, client } = await world();
  net.last.accept();
  navigator.onLine = false;
  page.dispatchEvent(new Event('offline'));
  net.last.end();
  await after(600_000);
  expect([client.state, net.sockets.length]).toEqual(['offline', 1]);
  navigator.onLine = true;
  page.dispatchEvent(new Event('online'));
  await after();
  expect([client.state, net.sockets.length]).toEqual(['connecting', 2]);
});

test('a page that is looked at again does not wait for its turn', async () => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('document', page);
  const { net, client } = await world({ minBackoffMs: 30_000 });
  net.last.accept();
  const { heartbeats } = net.last;
  page.dispatchEvent(new Event('visibilitychange'));
  expect(net.last.heartbeats).toBe(heartbeats + 1);
  net.last.tell({ type: 'pong', ts: Date.now() });
  net.last.end();
  expect(client.state).toBe('waiting');
  page.dispatchEvent(new Event('visibilitychange'));
  await after();
  expect(net.sockets).toHaveLength(2);
});

test('a server that takes no subprotocol is spoken to in v1, after a second try', async () => {
  const { net, client } = await world({ connectMs: 60_000 });
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
  const { net, client } = await world({ connectMs: 60_000 });
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
  const { client, errors, opened } = await world({ url: 'not an address' });
  expect([client.state, errors]).toEqual(['closed', ['CONNECT_FAILED']]);
  await expect(opened).rejects.toThrow('closed');
});

/** Tests of surroundings.ts through a client: offline, online, and a page that is looked at again. */
import { expect, test, vi } from 'vitest';
import { after, connectingClient, withFakeClock } from '../../test/support/sdk-world.ts';

withFakeClock();

/** A browser whose network goes and comes. */
function browserWithNetwork() {
  const page = new EventTarget();
  const navigator = { onLine: true };
  vi.stubGlobal('navigator', navigator);
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  return (state: 'online' | 'offline') => {
    navigator.onLine = state === 'online';
    page.dispatchEvent(new Event(state));
  };
}

test('offline, a connection that has died is found out long before its silence', async () => {
  const network = browserWithNetwork();
  const { net, client } = await connectingClient();
  net.last.accept();
  network('offline');
  // It was on its way, and says nothing of what comes after it.
  await after();
  net.last.answersHeartbeats = false;
  await after(4_000);
  expect(client.state).toBe('open');
  await after(8_000);
  expect(client.state).toBe('offline');
});

test('offline there are no attempts; back online there is one at once', async () => {
  const network = browserWithNetwork();
  const { net, client } = await connectingClient();
  net.last.accept();
  network('offline');
  net.last.end();
  await after(600_000);
  expect([client.state, net.sockets.length]).toEqual(['offline', 1]);
  network('online');
  await after();
  expect([client.state, net.sockets.length]).toEqual(['connecting', 2]);
});

/** A browser that says it is offline, and a client of a server at `url`. */
function offlineClient(url: string) {
  vi.stubGlobal('navigator', { onLine: false });
  return connectingClient({ url });
}

test.each([
  'ws://localhost:3004/ws',
  'ws://127.0.0.1:3004/ws',
  'http://127.9/ws',
  'ws://[::1]:3004/ws',
])('this machine itself is reached without a network: %s', async (url) => {
  const { net, client } = await offlineClient(url);
  expect([client.state, net.sockets.length]).toEqual(['connecting', 1]);
  net.last.accept();
  // Nor does it end for want of one.
  await after(60_000);
  expect([client.state, net.sockets.length]).toEqual(['open', 1]);
});

test.each([
  'ws://10.0.0.5:3004/ws',
  'wss://localhost.example.com/ws',
  'ws://127.0.0.1.example.com/ws',
  'ws://[::2]/ws',
])('any other address is not: %s', async (url) => {
  const { net, client } = await offlineClient(url);
  expect([client.state, net.sockets.length]).toEqual(['offline', 0]);
});

test('a path is of the machine that the page came from', async () => {
  vi.stubGlobal('location', { href: 'http://127.0.0.1:3004/board' });
  expect((await offlineClient('ws')).client.state).toBe('connecting');
  vi.stubGlobal('location', { href: 'http://10.0.0.5:3004/board' });
  expect((await offlineClient('ws')).client.state).toBe('offline');
});

test('a page that is looked at again does not wait for its turn', async () => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('document', page);
  const { net, client } = await connectingClient({ minBackoffMs: 30_000 });
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

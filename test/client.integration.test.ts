/** The SDK against real servers: returning, gaps, tokens, limits, letting go. */
import { expect, test } from 'vitest';
import type { StateChange } from '../src/client/index.ts';
import { FaultProxy } from './support/fault-proxy.ts';
import { jwtSecret, secondsFromNow, tokenFor } from './support/jwt.ts';
import { Market, marketChannels, until, upTo, Watcher } from './support/market.ts';
import { record, startTestServer } from './support/start-server.ts';

const trade = (n: number) => record('BTC', 'TRADE_EXECUTED', { n });

/** Ends the connection and keeps new ones out until the returned function is called. */
function cutOff(proxy: FaultProxy): () => void {
  const { target } = proxy;
  // The discard port: nobody listens there.
  proxy.target = 9;
  proxy.inflict('cut', { next: () => 0 });
  return () => {
    proxy.target = target;
  };
}

test.each([{ channels: ['BTC.trade'] }, { channels: ['*.trade'] }])(
  '$channels: what happened while it was away comes too, also when nothing came before',
  async ({ channels }) => {
    await using server = await startTestServer();
    await using proxy = await FaultProxy.start(server.server.port);
    using watcher = new Watcher(proxy.url);
    await watcher.watch(...channels);
    const restore = cutOff(proxy);
    await until(() => watcher.client.state !== 'open');
    await server.publish(trade(0), trade(1));
    restore();
    await watcher.caughtUp(new Map([['BTC.trade', 2]]));
    await server.publish(trade(2));
    await watcher.caughtUp(new Map([['BTC.trade', 3]]));
    expect([watcher.seen.get('BTC.trade'), watcher.gaps]).toEqual([[0, 1, 2], []]);
  },
);

test('another server with another log is a gap; what it has then comes once and in order', async () => {
  await using first = await startTestServer();
  await using second = await startTestServer();
  await using proxy = await FaultProxy.start(first.server.port);
  using watcher = new Watcher(proxy.url);
  await watcher.watch('BTC.trade', '*.social');
  await first.publish(...upTo(10).map(trade));
  await watcher.caughtUp(new Map([['BTC.trade', 10]]));
  const restore = cutOff(proxy);
  restore();
  proxy.target = second.server.port;
  await until(() => watcher.gaps.length === 2);
  await second.publish(...upTo(5).map((n) => trade(n + 100)));
  await watcher.caughtUp(new Map([['BTC.trade', 105]]));
  expect(watcher.seen.get('BTC.trade')).toEqual([...upTo(10), ...upTo(5).map((n) => n + 100)]);
  expect(watcher.gaps).toMatchObject([
    { channel: 'BTC.trade', reason: 'epoch', after: expect.any(Number) },
    { channel: '*.social', reason: 'epoch', after: undefined },
  ]);
});

test('what the server has forgotten is a gap, and nothing is missing without one', async () => {
  // Neither the history nor reading back reaches far enough.
  await using server = await startTestServer({
    historyMs: '60ms',
    recovery: { maxMessages: 20 },
  });
  await using proxy = await FaultProxy.start(server.server.port);
  using singles = new Watcher(proxy.url);
  using wildcards = new Watcher(server.url);
  await wildcards.watch('*.trade');
  await singles.watch(...marketChannels);
  const market = new Market(server);
  {
    await using _publishing = market;
    const total = () => [...market.counts.values()].reduce((sum, count) => sum + count, 0);
    const hears = async () => {
      const { events } = singles.client.stats;
      await until(() => singles.client.stats.events > events + 100);
    };
    await hears();
    for (let round = 0; round < 3; round++) {
      const restore = cutOff(proxy);
      const before = total();
      await until(() => total() > before + 200);
      restore();
      await hears();
    }
  }
  const { counts } = market;
  await singles.caughtUp(counts);
  expect(wildcards.gaps).toEqual([]);
  let holes = 0;
  for (const [channel, numbers] of singles.seen) {
    expect(numbers, channel).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    const own = numbers.filter((number, at) => at > 0 && number !== numbers[at - 1]! + 1).length;
    const told = singles.gaps.filter((gap) => gap.channel === channel).length;
    expect(own, channel).toBeLessThanOrEqual(told);
    holes += own;
  }
  expect(holes).toBeGreaterThan(0);
});

test('a token is renewed in time, and one that expires is asked for again', async () => {
  await using server = await startTestServer({ auth: { secret: jwtSecret } });
  const reasons: string[] = [];
  const token = ({ reason }: { reason: string }) => {
    reasons.push(reason);
    return tokenFor({ exp: secondsFromNow(reasons.length === 1 ? 4 : 60) });
  };
  using watcher = new Watcher(server.url, { token });
  await watcher.watch('BTC.trade');
  await until(() => reasons.length === 2);
  await server.publish(trade(0));
  await watcher.caughtUp(new Map([['BTC.trade', 1]]));
  expect(reasons).toEqual(['connect', 'refresh']);

  const expired: unknown[] = [];
  using other = new Watcher(server.url, { token: await tokenFor({ exp: secondsFromNow(2) }) });
  other.client.on('token-expired', (value) => expired.push(value));
  await other.watch('BTC.trade');
  await until(() => other.client.state === 'closed');
  expect(expired).toEqual([{ final: true }]);
});

test('channels that are too many or not allowed are rejected; room that is made is used', async () => {
  const settings = { maxSubscriptions: 2, auth: { secret: jwtSecret } };
  await using server = await startTestServer(settings);
  const token = await tokenFor({ channels: ['*.trade'] });
  using watcher = new Watcher(server.url, { token });
  const { client } = watcher;
  const first = client.subscribe(['A.trade', 'B.trade'], () => undefined);
  const second = client.subscribe(['A.social', 'C.trade'], (event) => watcher.take(event));
  await client.connect();
  await expect(second.ready).resolves.toEqual({
    subscribed: [],
    rejected: [
      { channel: 'A.social', code: 'CHANNEL_NOT_ALLOWED' },
      { channel: 'C.trade', code: 'SUBSCRIPTION_LIMIT' },
    ],
  });
  first.unsubscribe();
  const third = client.subscribe('C.trade');
  await third.ready;
  await server.publish(record('C', 'TRADE_EXECUTED', { n: 0 }));
  await watcher.caughtUp(new Map([['C.trade', 1]]));
});

test('a server that lets go is left at the time it names, without a word of complaint', async () => {
  await using leaving = await startTestServer();
  await using staying = await startTestServer();
  await using proxy = await FaultProxy.start(leaving.server.port);
  using watcher = new Watcher(proxy.url);
  const changes: StateChange[] = [];
  await watcher.watch('BTC.trade');
  watcher.client.on('state', (change) => changes.push(change));
  proxy.target = staying.server.port;
  await fetch(`${leaving.http}/api/drain`, { method: 'POST' });
  await until(() => changes.some(({ state }) => state === 'open'));
  expect(changes.map(({ state }) => state)).not.toContain('closed');
  expect(watcher.problems).toEqual([]);
});

test('a snapshot comes first, then what is live, and a loop takes it as it comes', async () => {
  await using server = await startTestServer();
  await server.publish(trade(0), trade(1));
  using watcher = new Watcher(server.url);
  const subscription = watcher.client.subscribe('BTC.trade', undefined, { snapshot: true });
  await watcher.client.connect();
  const { rejected } = await subscription.ready;
  await server.publish(trade(2));
  for await (const event of subscription) {
    if (event.type !== 'DROPPED') watcher.take(event);
    if (watcher.seen.get('BTC.trade')?.length === 2) break;
  }
  expect([rejected, watcher.seen.get('BTC.trade')]).toEqual([[], [1, 2]]);
});

test('positions that an application kept let another client go on without a hole', async () => {
  await using server = await startTestServer();
  using before = new Watcher(server.url);
  const first = before.client.subscribe(['BTC.trade', '*.social'], (event) => before.take(event));
  await before.client.connect();
  await first.ready;
  await server.publish(trade(0));
  await before.caughtUp(new Map([['BTC.trade', 1]]));
  const since = JSON.parse(JSON.stringify(first.positions));
  before.client.close();
  await server.publish(trade(1), record('ETH', 'TWITTER_VERIFIED', { n: 0 }));
  using after = new Watcher(server.url);
  after.client.subscribe(['BTC.trade', '*.social'], (event) => after.take(event), { since });
  await after.client.connect();
  await after.caughtUp(
    new Map([
      ['BTC.trade', 2],
      ['ETH.social', 1],
    ]),
  );
  expect([after.seen.get('BTC.trade'), after.gaps]).toEqual([[1], []]);
});

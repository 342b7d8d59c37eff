/** The SDK behind proxies that cut, delay, truncate and half-open its connections. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import { type FaultKind, FaultProxy } from './support/fault-proxy.ts';
import { Market, marketChannels, until, upTo, Watcher } from './support/market.ts';
import { startTestServer } from './support/start-server.ts';

const faults = 200;

/** A server of v1 does not tell its heartbeat, so that half-open connections are noticed late. */
const shortFaults: readonly FaultKind[] = ['cut', 'cut', 'delay', 'truncate', 'truncate'];
const allFaults: readonly FaultKind[] = [...shortFaults, 'half-open'];

/** Does one thing after the other to whatever connection there is, a third of them on arrival. */
async function inflictAll(
  proxy: FaultProxy,
  kinds: readonly FaultKind[],
  seed: number,
): Promise<void> {
  const random = createRandom(seed);
  for (let n = 0; n < faults; ) {
    await until(() => proxy.open > 0);
    if (random.next() > 0.33) await delay(random.next() * 60);
    if (proxy.inflict(kinds[n % kinds.length]!, random)) n++;
  }
}

test('through 200 faults each, every event comes once and in order, or a gap is told', async () => {
  await using server = await startTestServer({ heartbeatMs: '100ms' });
  await using narrow = await FaultProxy.start(server.server.port);
  await using wide = await FaultProxy.start(server.server.port);
  await using old = await FaultProxy.start(server.server.port);
  using singles = new Watcher(narrow.url);
  using wildcards = new Watcher(wide.url);
  using v1 = new Watcher(old.url, { protocols: ['v1'] });
  await singles.watch(...marketChannels);
  await wildcards.watch('*.trade', 'A.*', 'B.liquidity', 'C.*');
  await v1.watch(...marketChannels);
  const market = new Market(server);
  {
    await using _publishing = market;
    await Promise.all([
      inflictAll(narrow, allFaults, 1),
      inflictAll(wide, allFaults, 2),
      inflictAll(old, shortFaults, 3),
    ]);
  }
  const { counts } = market;
  for (const watcher of [singles, wildcards, v1]) {
    await watcher.caughtUp(counts);
    expect(watcher.gaps).toEqual([]);
    for (const [channel, count] of counts)
      expect(watcher.seen.get(channel), channel).toEqual(upTo(count));
  }
  expect(Math.min(...Object.values(narrow.done))).toBeGreaterThan(30);
});

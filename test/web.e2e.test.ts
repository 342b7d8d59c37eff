/** The pages of the server in a real browser, as they were built: what they show, and outlive. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Broker } from '../src/broker/broker.ts';
import { topics } from '../src/events/categories.ts';
import { chromiumPath, openChromium } from './support/chromium.ts';
import { FaultProxy } from './support/fault-proxy.ts';
import { freePort } from './support/free-port.ts';
import { kafkaAdmin, kafkaBrokers } from './support/kafka.ts';
import { seriousViolations, type WatchedPage, watchPage } from './support/page-watch.ts';
import { chartsDrawn, ownWords, priceOf, trade, untilOpen } from './support/server-pages.ts';
import { portOf, spawnOdin } from './support/spawn-odin.ts';
import { record, startTestServer } from './support/start-server.ts';

/** Looks at a page as people do who like it dark, or have a phone. */
async function expectFitForAll({ page }: WatchedPage): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    expect(await seriousViolations(page)).toEqual([]);
  }
  await page.setViewportSize({ width: 360, height: 740 });
  await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBe(360);
}

/** What an address weighs on its way to a browser that takes gzip only. */
async function gzipBytes(address: string): Promise<number> {
  const { headers } = await fetch(address, { headers: { 'accept-encoding': 'gzip' } });
  expect(headers.get('content-encoding'), address).toBe('gzip');
  return Number(headers.get('content-length'));
}

async function createTopics(brokers: string): Promise<void> {
  await using admin = await kafkaAdmin(brokers);
  const layout = { numPartitions: 3, replicationFactor: 1 };
  await admin.createTopics({ topics: topics.map((topic) => ({ topic, ...layout })) });
}

/** Trades of a token in the broker's own log. */
async function tradesInLog(broker: Broker, key: string): Promise<number> {
  const topic = 'odin.trades';
  const partition = await broker.partitionOf(topic, key);
  const bounds = await broker.bounds();
  const { low, high } = bounds.find((one) => one.topic === topic && one.partition === partition)!;
  const { records } = await broker.readBack({
    ...{ topic, partition: partition as number, from: low, to: high },
    ...{ maxRecords: 100_000, maxBytes: 64 * 2 ** 20, signal: AbortSignal.timeout(20_000) },
  });
  return records.filter((one) => one.key === key).length;
}

describe.skipIf(chromiumPath === undefined)('in a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await openChromium();
  });

  afterAll(() => browser.close());

  test.each(['single', 'multi'])(
    'mode %s: prices move, charts draw, nothing is asked for elsewhere, nobody is left out',
    async (mode) => {
      await using server = await startTestServer({ mode });
      await using board = await watchPage(browser, `${server.http}/`);
      const { page } = board;
      await untilOpen(board);
      expect(await page.textContent('#empty')).toContain('No events yet');
      for (const [price, text] of [
        [64_250.5, '64,250.50'],
        [64_251, '64,251.00'],
      ] as const) {
        await server.publish(trade(price), trade(price / 1_000, 'ETH'));
        await expect.poll(() => priceOf(page, 'BTC')).toBe(text);
      }
      await server.publish(record('BTC', 'PRICE_DELTA_UPDATED', { price: 64_251, delta24h: 25 }));
      await expect.poll(() => page.textContent('[data-symbol="BTC"] .change')).toBe('▲ +25.00 %');
      expect(await page.getAttribute('#board', 'data-trades')).toBe('4');
      expect(await page.locator('[data-symbol="BTC"] [data-side="bought"]').count()).toBe(2);
      await page.keyboard.press('/');
      await page.keyboard.type('eth');
      await expect.poll(() => page.locator('.token').count()).toBe(1);
      await page.keyboard.press('Escape');
      if (mode === 'single') await expectFitForAll(board);

      await using ops = await watchPage(browser, `${server.http}/ops`);
      await expect.poll(() => chartsDrawn(ops.page)).toBe(8);
      await expect.poll(() => ops.page.textContent('#figures')).toContain('Connections1 / 12K');
      expect(await ops.page.locator('#shards tbody tr').count()).toBe(mode === 'multi' ? 3 : 0);
      if (mode === 'multi') await expectFitForAll(ops);
      for (const { complaints, requests } of [board, ops]) {
        expect(complaints).toEqual([]);
        for (const address of requests) expect(address).toContain(server.http);
        const sizes = await Promise.all(requests.filter((one) => !/api/.test(one)).map(gzipBytes));
        expect(sizes.reduce((sum, bytes) => sum + bytes)).toBeLessThan(120 * 1_024);
      }
    },
  );

  test.skipIf(kafkaBrokers === undefined)(
    'the board outlives a kill of the server, and misses no trade of those in Kafka',
    async () => {
      const symbol = `W${Date.now()}`;
      const kafka = `kafka://${kafkaBrokers}`;
      await createTopics(kafkaBrokers as string);
      // Another node, which stays: it publishes and reads the log.
      await using other = await startTestServer({ nodeId: 'web-other' }, { url: kafka });
      let price = 0;
      const publish = (count: number) =>
        other.publish(...Array.from({ length: count }, () => trade(++price, symbol)));
      const serve = (port: number) =>
        spawnOdin(['serve', '--broker', kafka, '--host', '127.0.0.1', '--port', String(port)]);
      const port = await freePort();
      await using first = serve(port);
      await first.line(/"ready"/);
      await using board = await watchPage(browser, `http://127.0.0.1:${port}/?tokens=${symbol}`);
      await untilOpen(board);
      await publish(100);
      await board.until('#board', 'trades', (trades) => trades === '100');
      first.child.kill('SIGKILL');
      await board.until('#board', 'state', (state) => state === 'waiting');
      await expect.poll(() => board.page.textContent('#notices')).toContain('Connection lost');
      await publish(100);
      await using _second = serve(port);
      await board.until('#board', 'trades', (trades) => Number(trades) >= 200);
      await publish(100);
      await board.until('#board', 'trades', (trades) => Number(trades) >= 300);
      expect(await tradesInLog(other.broker, symbol)).toBe(300);
      const attributes = ['trades', 'gaps', 'connections', 'state'];
      const shown = attributes.map((name) => board.page.getAttribute('#board', `data-${name}`));
      expect(await Promise.all(shown)).toEqual(['300', '0', '2', 'open']);
      expect(board.complaints.filter((text) => !ownWords.test(text))).toEqual([]);
    },
  );

  test('a connection that is slow is said to be, until it is quick again', async () => {
    const throttle = { saturationMs: '100ms', recoveryMs: '300ms' };
    const settings = { maxBufferedBytes: '16KiB', historyBytes: '256MiB', throttle };
    await using server = await startTestServer(settings);
    await using proxy = await FaultProxy.start(server.server.port);
    await using board = await watchPage(browser, proxy.url.replace(/^ws(.*)\/ws$/, 'http$1/'));
    await untilOpen(board);
    const filler = 'x'.repeat(10_000);
    const batch = Array.from({ length: 100 }, (_, n) =>
      record(`T${n % 5}`, 'PRICE_DELTA_UPDATED', { price: n, delta24h: 1, filler }),
    );
    // It may be quick again before anybody outside the page looks.
    await board.page.evaluate(`new MutationObserver(() => {
      const notice = document.querySelector('[data-kind="throttle"]');
      if (notice !== null) globalThis.said = notice.textContent;
    }).observe(document.body, { childList: true, subtree: true, characterData: true })`);
    const resume = proxy.stall();
    while ((await server.metric('ws_throttled_clients_medium')) === 0)
      await server.publish(...batch);
    resume();
    await expect
      .poll(() => board.page.evaluate('globalThis.said'))
      .toMatch(/slow: .* about (75|50) % of the events/);
    await board.until('#board', 'throttle', (level) => level === '0');
    await expect.poll(() => board.page.locator('[data-kind="throttle"]').count()).toBe(0);
    expect(board.complaints).toEqual([]);
  });

  test('while a server stands still, board and charts say how old they are, and not for good', async () => {
    await using server = spawnOdin(['serve', '--host', '127.0.0.1', '--port', '0']);
    const http = `http://127.0.0.1:${portOf(await server.line(/listening/))}`;
    await server.line(/"ready"/);
    await using board = await watchPage(browser, `${http}/`);
    await using ops = await watchPage(browser, `${http}/ops`);
    await untilOpen(board);
    const event = { key: 'BTC', type: 'BUY_COMPLETED', timestamp: Date.now() };
    await fetch(`${http}/api/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: JSON.stringify({ ...event, data: { price: 5, amount: 2 } }),
    });
    const figure = ({ page }: WatchedPage, name: string) =>
      page.textContent(`#figures div:has(dt:text-is("${name}")) dd`);
    await expect.poll(() => priceOf(board.page, 'BTC')).toBe('5.0000');
    await expect.poll(() => figure(ops, 'Last answer')).toBe('now');
    server.child.kill('SIGSTOP');
    try {
      await Promise.all([
        board.until('#board', 'stale', (stale) => stale === 'true'),
        ops.until('#report', 'stale', (stale) => stale === 'true'),
      ]);
      for (const { page } of [board, ops])
        expect(await page.textContent('#state')).toBe('No answer');
      // The connection is still there, so nothing else would say so.
      expect(await board.page.getAttribute('#board', 'data-state')).toBe('open');
      expect(await board.page.textContent('#notices')).toMatch(/nothing since .*: what is shown/);
      expect(await figure(board, 'Latency')).toMatch(/ms, \d+ s ago$/);
      expect(await figure(ops, 'Last answer')).toMatch(/^\d+ s ago$/);
      expect(await figure(ops, 'Latency p99')).toBe('–');
      for (const { page } of [board, ops]) expect(await seriousViolations(page)).toEqual([]);
    } finally {
      server.child.kill('SIGCONT');
    }
    await Promise.all([
      board.until('#board', 'stale', (stale) => stale === 'false'),
      ops.until('#report', 'stale', (stale) => stale === 'false'),
    ]);
    for (const { page, complaints } of [board, ops]) {
      expect(await page.locator('[data-kind="connection"]').count()).toBe(0);
      expect(complaints).toEqual([]);
    }
    expect(await board.page.getAttribute('#board', 'data-connections')).toBe('1');
  });

  test('with its first answer already, the operator’s page tells the time as it is', async () => {
    await using server = await startTestServer();
    await using ops = await watchPage(browser, `${server.http}/ops`);
    const { page } = ops;
    await page.addInitScript(`
      globalThis.marks = [];
      const { fillText } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        if (/^\\d+:\\d+:\\d+$/.test(text)) marks.push(text);
        return fillText.call(this, text, ...place);
      };`);
    let answers = 0;
    // The others are still to come when the page is closed.
    await page.route('**/api/status*', (route) => (answers++ === 0 ? route.continue() : undefined));
    await page.reload();
    await expect.poll(() => page.evaluate('marks.length')).toBeGreaterThan(0);
    const farMarks = `marks.filter((mark) => {
      const offMs = Math.abs(new Date(new Date().toDateString() + ' ' + mark) - Date.now());
      return Math.min(offMs, 86_400_000 - offMs) > 600_000;
    })`;
    expect(await page.evaluate(farMarks)).toEqual([]);
  });
});

/** The pages of the server and the React example in a real browser, as they were built. */
import { networkInterfaces } from 'node:os';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Broker } from '../src/broker/broker.ts';
import { topics } from '../src/events/categories.ts';
import { chromiumPath, openChromium } from './support/chromium.ts';
import { serveExample } from './support/example-page.ts';
import { FaultProxy } from './support/fault-proxy.ts';
import { freePort } from './support/free-port.ts';
import { jwtSecret, secondsFromNow, tokenFor } from './support/jwt.ts';
import { kafkaAdmin, kafkaBrokers } from './support/kafka.ts';
import { seriousViolations, type WatchedPage, watchPage } from './support/page-watch.ts';
import { portOf, spawnOdin } from './support/spawn-odin.ts';
import { record, startTestServer } from './support/start-server.ts';

const forwarded = { 'x-forwarded-for': '203.0.113.9' };
/** An address of this machine that is not the loopback. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
/** What a browser says by itself of answers that are no success, and of sockets that break. */
const ownWords = /^(Failed to load resource|WebSocket connection to)/;

const trade = (price: number, symbol = 'BTC') =>
  record(symbol, 'BUY_COMPLETED', { price, amount: 2 });

const priceOf = (page: Page, symbol: string) =>
  page.textContent(`[data-symbol="${symbol}"] .price`);

async function untilOpen(board: WatchedPage): Promise<void> {
  await board.until('#board', 'state', (state) => state === 'open');
  await board.page.waitForSelector('#board[data-ready]', { state: 'attached' });
}

/** How many charts show more than a few colours: a blank one does not. */
function chartsDrawn(page: Page): Promise<number> {
  return page.evaluate(`[...document.querySelectorAll('canvas')].filter((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size > 4;
  }).length`);
}

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

  test('a server that wants tokens gets one, which no address ever shows', async () => {
    await using server = await startTestServer({ auth: { secret: jwtSecret } });
    await using board = await watchPage(browser, `${server.http}/`);
    const { page } = board;
    const give = async (token: string) => {
      await page.getByLabel('Token', { exact: true }).fill(token);
      await page.keyboard.press('Enter');
    };
    const complaint = expect.poll(() => page.textContent('[role=alert]'));
    expect(await page.textContent('#state')).toBe('Waiting for a token');
    expect(await seriousViolations(page)).toEqual([]);
    await give(await tokenFor({}, 'x'.repeat(40)));
    await complaint.toContain('does not take this token');
    await give(await tokenFor({ exp: secondsFromNow(6) }));
    await untilOpen(board);
    await server.publish(trade(5));
    await expect.poll(() => priceOf(page, 'BTC')).toBe('5.0000');
    // It expires, and what happens until there is another one comes then.
    await complaint.toContain('has expired');
    await server.publish(trade(6));
    await give(await tokenFor());
    await expect.poll(() => priceOf(page, 'BTC')).toBe('6.0000');
    expect(await page.getAttribute('#board', 'data-trades')).toBe('2');
    expect(page.url()).toBe(`${server.http}/`);
    expect(
      await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]'),
    ).toEqual([0, 0, '']);
    expect(board.complaints.filter((text) => !ownWords.test(text))).toEqual([]);
  });

  test('without a network the board says so, and goes on when it is back', async () => {
    await using server = await startTestServer({ heartbeatMs: '1s' });
    await using board = await watchPage(browser, `${server.http}/`);
    const { page } = board;
    await untilOpen(board);
    await page.context().setOffline(true);
    await board.until('#board', 'state', (state) => state === 'offline');
    await expect.poll(() => page.textContent('#notices')).toContain('No network');
    await server.publish(trade(7));
    await page.context().setOffline(false);
    await expect.poll(() => priceOf(page, 'BTC')).toBe('7.0000');
    expect(await page.getAttribute('#board', 'data-gaps')).toBe('0');
  });

  test('from elsewhere the operator’s page shows nothing without the token, and all with it', async () => {
    const settings = { adminToken: 'sesame', limits: { trustedProxies: ['127.0.0.1'] } };
    await using server = await startTestServer(settings);
    const options = { extraHTTPHeaders: forwarded };
    await using ops = await watchPage(browser, `${server.http}/ops`, options);
    const { page } = ops;
    const status = () =>
      page.evaluate('performance.getEntriesByType("navigation")[0].responseStatus');
    expect(await status()).toBe(403);
    await page.getByLabel('Admin token').fill('guess');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.textContent('[role=alert]')).toContain('does not take this token');
    expect(await page.isVisible('#report')).toBe(false);
    expect(await seriousViolations(page)).toEqual([]);
    await page.getByLabel('Admin token').fill('sesame');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.isVisible('#report')).toBe(true);
    await expect.poll(() => chartsDrawn(page)).toBeGreaterThan(0);
    expect(ops.complaints.filter((text) => !ownWords.test(text))).toEqual([]);
  });

  test.skipIf(outside === undefined)(
    'over plain http from another address it does not even ask for the token',
    async () => {
      await using server = await startTestServer({ host: '0.0.0.0', adminToken: 'sesame' });
      const address = `http://${outside}:${server.server.port}`;
      const refused = await fetch(`${address}/ops`);
      expect([refused.status, (await fetch(`${address}/api/status`)).status]).toEqual([403, 403]);
      await using ops = await watchPage(browser, `${address}/ops`);
      await ops.page.waitForSelector('.panel');
      expect(await ops.page.textContent('.panel')).toContain('ssh -L');
      expect(await ops.page.locator('input').count()).toBe(0);
      expect(await ops.page.isVisible('#report')).toBe(false);
      expect(ops.complaints.filter((text) => !ownWords.test(text))).toEqual([]);
    },
  );

  test('the React example shows prices that move', async () => {
    await using server = await startTestServer();
    await using example = await serveExample();
    const query = `url=${encodeURIComponent(server.url)}&tokens=BTC,ETH`;
    await using board = await watchPage(browser, `${example.url}?${query}`);
    const text = () => board.page.textContent('#root');
    await expect.poll(text).toContain('open');
    for (const price of [64_250.5, 64_251]) {
      await server.publish(record('BTC', 'TRADE_EXECUTED', { price, amount: 1 }));
      await expect.poll(text).toContain(`BTC ${price.toFixed(2)}`);
    }
    await server.publish(record('ETH', 'HOLDER_COUNT_UPDATED', { holderCount: 12 }));
    await expect.poll(text).toContain('12 holders');
    expect(board.complaints).toEqual([]);
  });
});

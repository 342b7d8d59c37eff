/** Who gets to see the pages of the server in a real browser, over which network, and the React example. */
import { networkInterfaces } from 'node:os';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, openChromium } from './support/chromium.ts';
import { serveExample } from './support/example-page.ts';
import { jwtSecret, secondsFromNow, tokenFor } from './support/jwt.ts';
import { seriousViolations, watchPage } from './support/page-watch.ts';
import { chartsDrawn, ownWords, priceOf, trade, untilOpen } from './support/server-pages.ts';
import { record, startTestServer } from './support/start-server.ts';

const forwarded = { 'x-forwarded-for': '203.0.113.9' };
/** An address of this machine that is not the loopback. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

describe.skipIf(chromiumPath === undefined)('in a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await openChromium();
  });

  afterAll(() => browser.close());

  test('a server that wants tokens gets one, which no address ever shows', async () => {
    await using server = await startTestServer({ auth: { secret: jwtSecret } });
    await using board = await watchPage(browser, `${server.http}/`);
    const { page } = board;
    const give = async (token: string) => {
      await page.getByLabel('Token', { exact: true }).fill(token);
      await page.keyboard.press('Enter');
    };
    const complaint = expect.poll(() => page.textContent('[role=alert]'));
    await expect.poll(() => page.textContent('#state')).toBe('Waiting for a token');
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
    await expect.poll(() => page.getAttribute('#board', 'data-trades')).toBe('2');
    expect(page.url()).toBe(`${server.http}/`);
    expect(
      await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]'),
    ).toEqual([0, 0, '']);
    expect(board.complaints.filter((text) => !ownWords.test(text))).toEqual([]);
  });

  test.skipIf(outside === undefined)(
    'without a network the board says so, and goes on when it is back',
    async () => {
      await using server = await startTestServer({ heartbeatMs: '1s', host: '0.0.0.0' });
      await using board = await watchPage(browser, `http://${outside}:${server.server.port}/`);
      const { page } = board;
      await untilOpen(board);
      await page.context().setOffline(true);
      await board.until('#board', 'state', (state) => state === 'offline');
      await expect.poll(() => page.textContent('#notices')).toContain('No network');
      await server.publish(trade(7));
      await page.context().setOffline(false);
      await expect.poll(() => priceOf(page, 'BTC')).toBe('7.0000');
      expect(await page.getAttribute('#board', 'data-gaps')).toBe('0');
    },
  );

  test('on a machine without a network, the board of its own server is live', async () => {
    await using server = await startTestServer();
    await using board = await watchPage(browser, `${server.http}/`);
    const { page } = board;
    const offline = 'Object.defineProperty(navigator, "onLine", { get: () => false })';
    await page.addInitScript(offline);
    await page.reload();
    await untilOpen(board);
    await server.publish(trade(7));
    await expect.poll(() => priceOf(page, 'BTC')).toBe('7.0000');
    expect(board.complaints).toEqual([]);
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

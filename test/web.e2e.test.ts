/** The pages of the server and the React example in a real browser, as they were built. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, openChromium } from './support/chromium.ts';
import { seriousViolations, type WatchedPage, watchPage } from './support/page-watch.ts';
import { record, startTestServer } from './support/start-server.ts';

const trade = (price: number, symbol = 'BTC') =>
  record(symbol, 'BUY_COMPLETED', { price, amount: 2, n: price });

const priceOf = (symbol: string) => `[data-symbol="${symbol}"] .price`;

async function opened(board: WatchedPage): Promise<void> {
  await board.until('#board', 'state', (state) => state === 'open');
  await board.page.waitForSelector('#board[data-ready]');
}

/** Publishes trades until the page shows one of them: it does not say when it is subscribed. */
async function showsPrice(page: WatchedPage['page'], symbol: string, text: string): Promise<void> {
  await expect.poll(() => page.textContent(priceOf(symbol)), { timeout: 30_000 }).toBe(text);
}

/** How many charts show more than two colours: a blank one shows one or two. */
function chartsDrawn(page: WatchedPage['page']): Promise<number> {
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
      await opened(board);
      expect(await board.page.textContent('#empty')).toContain('No events yet');
      for (const price of [64_250.5, 64_251]) {
        await server.publish(trade(price), trade(price / 1_000, 'ETH'));
        await showsPrice(
          board.page,
          'BTC',
          price.toLocaleString('en', { minimumFractionDigits: 2 }),
        );
      }
      await server.publish(record('BTC', 'PRICE_DELTA_UPDATED', { price: 64_251, delta24h: 25 }));
      await expect
        .poll(() => board.page.textContent('[data-symbol="BTC"] .change'))
        .toBe('▲ +25.00 %');
      expect(await board.page.getAttribute('#board', 'data-trades')).toBe('4');
      expect(await board.page.locator('[data-symbol="BTC"] li[data-side="bought"]').count()).toBe(
        2,
      );
      await board.page.keyboard.press('/');
      await board.page.keyboard.type('eth');
      await expect.poll(() => board.page.locator('.token').count()).toBe(1);
      await board.page.keyboard.press('Escape');
      await expectFitForAll(board);

      await using ops = await watchPage(browser, `${server.http}/ops`);
      await expect.poll(() => chartsDrawn(ops.page), { timeout: 30_000 }).toBe(8);
      expect(await ops.page.locator('#shards tbody tr').count()).toBe(mode === 'multi' ? 3 : 0);
      await expect.poll(() => ops.page.textContent('#figures')).toContain('Connections1 / 12K');
      await expectFitForAll(ops);
      for (const { complaints, requests } of [board, ops]) {
        expect(complaints).toEqual([]);
        for (const address of requests) expect(address).toContain(server.http);
      }
    },
  );
});

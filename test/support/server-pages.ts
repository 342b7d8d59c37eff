/** The pages of a server as tests look at them in a browser. */
import type { Page } from 'playwright-core';
import type { WatchedPage } from './page-watch.ts';
import { record } from './start-server.ts';

/** What a browser says by itself of answers that are no success, and of sockets that break. */
export const ownWords = /^(Failed to load resource|WebSocket connection to)/;

/** A trade that the board shows. */
export const trade = (price: number, symbol = 'BTC') =>
  record(symbol, 'BUY_COMPLETED', { price, amount: 2 });

/** The price that the board shows for a token. */
export const priceOf = (page: Page, symbol: string) =>
  page.textContent(`[data-symbol="${symbol}"] .price`);

/** Waits until the board has its connection, and what it subscribed to. */
export async function untilOpen(board: WatchedPage): Promise<void> {
  await board.until('#board', 'state', (state) => state === 'open');
  await board.page.waitForSelector('#board[data-ready]', { state: 'attached' });
}

/** How many charts show more than a few colours: a blank one does not. */
export function chartsDrawn(page: Page): Promise<number> {
  return page.evaluate(`[...document.querySelectorAll('canvas')].filter((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size > 4;
  }).length`);
}

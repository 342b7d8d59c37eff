/** A page in a browser, and everything that it complained about. */
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

/** An open page. Disposing it closes it. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors and warnings of the console, what was thrown, and violations of the policy. */
  readonly complaints: string[];
  /** Addresses that were asked for, the page's own first. */
  readonly requests: string[];
  /** Waits until a data attribute of an element satisfies a condition. */
  until(selector: string, name: string, isMet: (value: string) => boolean): Promise<void>;
}

/** Opens an address in a context of its own. */
export async function watchPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return {
    ...{ page, complaints, requests },
    async until(selector, name, isMet) {
      const read = async () => (await page.getAttribute(selector, `data-${name}`)) ?? '';
      await expect.poll(async () => isMet(await read())).toBe(true);
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** What axe finds in a page that is serious or worse, in words. */
export async function seriousViolations(page: Page): Promise<string[]> {
  // Not as a script of the page: its policy forbids that.
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

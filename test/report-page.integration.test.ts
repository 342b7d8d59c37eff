/** Tests of the HTML report in a real browser: its charts draw, from disk, without any network. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { writeOutputs } from '../src/loadtest/reports/outputs.ts';
import { kindOf } from '../src/loadtest/socket/error-classes.ts';
import { chromiumPath, openChromium } from './support/chromium.ts';
import { makeReport } from './support/load-test-report.ts';

const hostile = '</script><script>document.title = "taken"</script><img src=//x onerror=alert(1)>';
const base = makeReport({ seconds: 30 });
const report = {
  ...base,
  reasons: [hostile],
  errors: [
    { class: 'open-error' as const, ...kindOf('open-error'), count: 2, example: hostile.repeat(3) },
  ],
};

/** How many different colours each canvas shows; a blank one shows one. */
function coloursOf(page: Page): Promise<number[]> {
  return page.evaluate(`[...document.querySelectorAll('canvas')].map((canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    return new Set(new Uint32Array(data.buffer)).size;
  })`);
}

test.skipIf(chromiumPath === undefined).each([
  [1_280, 'light'],
  [1_280, 'dark'],
  [390, 'light'],
  [390, 'dark'],
] as const)(
  'at %d px, %s, all charts draw and nothing is asked for',
  async (width, colorScheme) => {
    const folder = await mkdtemp(join(tmpdir(), 'odin-page-'));
    const path = join(folder, 'run.html');
    await writeOutputs([path], report);
    const browser = await openChromium();
    try {
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      const requests: string[] = [];
      const complaints: string[] = [];
      page.on('request', (request) => requests.push(request.url()));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('dialog', (dialog) => complaints.push(dialog.message()));
      await page.goto(pathToFileURL(path).href);
      expect(await page.title()).toMatch(/^Load test: pass, 2025-01-01/);
      await expect.poll(() => coloursOf(page)).toHaveLength(6);
      for (const colours of await coloursOf(page)) expect(colours).toBeGreaterThan(4);
      // The tables may be wide; the page is not.
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      expect(await page.textContent('body')).toContain(hostile);
      await page.setViewportSize({ width: width + 200, height: 900 });
      await expect
        .poll(() => page.evaluate('document.querySelector("#charts figure .uplot").offsetWidth'))
        .toBe(await page.evaluate('document.querySelector("#charts figure").clientWidth'));
      expect(complaints).toEqual([]);
      expect(requests).toEqual([pathToFileURL(path).href]);
    } finally {
      await browser.close();
      await rm(folder, { recursive: true });
    }
  },
);

test.skipIf(chromiumPath === undefined)(
  'a run too short for charts says so, and a chart without values too',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'odin-page-'));
    const [short, blind] = ['short.html', 'blind.html'].map((name) => join(folder, name));
    const { series } = base;
    const points = series.points.map((point) => ({
      ...{ ...point, latencyP50Ms: null, latencyP99Ms: null },
    }));
    await writeOutputs([short!], { ...base, series: { ...series, points: points.slice(0, 1) } });
    await writeOutputs([blind!], { ...base, series: { ...series, points } });
    const browser = await openChromium();
    try {
      const page = await browser.newPage();
      await page.goto(pathToFileURL(short!).href);
      expect(await page.textContent('#charts')).toContain('Too little was measured for charts.');
      expect(await coloursOf(page)).toEqual([]);
      await page.goto(pathToFileURL(blind!).href);
      await expect.poll(() => coloursOf(page)).toHaveLength(5);
      expect(await page.textContent('#charts')).toContain('Nothing was measured, or once only.');
    } finally {
      await browser.close();
      await rm(folder, { recursive: true });
    }
  },
);

/** A headless Chromium for pages that odin makes: the one of the machine, if it has one. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const names = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];

/** Path of a Chromium; undefined where there is none, which CI does not accept. */
export const chromiumPath = findChromium();

/** Starts it. `await using` closes it. */
export function openChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath ?? '' });
}

function findChromium(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find(isExecutable);
  if (found !== undefined) return found;
  const hint = 'They need chromium or chromium-headless-shell on the PATH.';
  if (process.env['CI'] !== undefined) throw new Error(`There is no Chromium. ${hint}`);
  process.stderr.write(`\n*** No Chromium: all tests that need one are SKIPPED. ***\n${hint}\n\n`);
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

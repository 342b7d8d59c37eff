/** The examples, run: they import the built SDK, as an application does. See web.e2e.test.ts, too. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build, type Rolldown } from 'vite';
import { expect, test } from 'vitest';
import { until } from './support/market.ts';
import { record, startTestServer } from './support/start-server.ts';

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

test('the Node script prints events as they come, and ends when it is told', async () => {
  await using server = await startTestServer();
  const child = spawn(process.execPath, [path('examples/node/watch.js'), server.url, 'BTC'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  using _ending = { [Symbol.dispose]: () => child.kill('SIGKILL') };
  const ended = once(child, 'close');
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  await until(() => lines.includes('open 0'));
  // Published until it is subscribed: it does not say when it is.
  let n = 0;
  while (!lines.some((line) => line.startsWith('BTC.trade'))) {
    await server.publish(record('BTC', 'TRADE_EXECUTED', { n: n++ }), record('ETH'));
    await Promise.race([once(child.stdout, 'data'), new Promise((next) => setTimeout(next, 20))]);
  }
  const line = lines.find((text) => text.startsWith('BTC.trade'));
  expect(line).toMatch(/^BTC\.trade TRADE_EXECUTED \{"n":\d+\}$/);
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  expect(lines.at(-1)).toBe('closed 0');
});

test('under a Node without WebSocket the script says what it needs', async () => {
  const args = ['--no-experimental-websocket', path('examples/node/watch.js')];
  const failed = promisify(execFile)(process.execPath, args);
  await expect(failed).rejects.toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(
      /^Node \d.* has no WebSocket here: run this with Node 22 or newer/,
    ),
  });
});

test('the React page is typed, and builds for a browser', async () => {
  const tsc = path('node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', path('examples/react')]);
  const { output } = (await build({
    ...{ root: path('examples/react'), configFile: false, logLevel: 'error' },
    build: { write: false },
  })) as Rolldown.RolldownOutput;
  expect(output.map(({ fileName }) => fileName.split('.').at(-1)).sort()).toEqual(['html', 'js']);
});

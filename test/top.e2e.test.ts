/** `odin top` on a real terminal, before a real server: keys, sizes, outages, and every way to end. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kill } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { FleetSnapshot } from '../src/protocol/fleet-snapshot.ts';
import { TestClient } from './support/client.ts';
import { freePort } from './support/free-port.ts';
import { startTestPublisher } from './support/start-publisher.ts';
import { record, startTestServer, type TestServer } from './support/start-server.ts';
import { hasTmux, Tmux } from './support/tmux.ts';

const binary = fileURLToPath(new URL('../bin/odin.js', import.meta.url));
const node = process.execPath;
const run = promisify(execFile);

/** Nobody listens on the publisher's and the load test's ports. */
function topLine(server: TestServer, ...more: readonly string[]): string {
  const urls = `--url ${server.http} --publisher-url http://127.0.0.1:1 --loadtest-url http://127.0.0.1:1`;
  return `${node} ${binary} top ${urls} --interval 200ms ${more.join(' ')}`;
}

/** Has the shell tell how a command ended. */
function thenExit(line: string): string {
  return `${line}; echo "exit $?"`;
}

/** The shell has its terminal back: its screen, its cursor, its echo, and keys by the line. */
async function expectRestored(terminal: Tmux, exit: string): Promise<void> {
  await terminal.shows(exit);
  expect(await terminal.modes()).toEqual({ isAlternate: false, hasCursor: true });
  await terminal.type(
    "stty -a | tr ' ;' '\\n\\n' | grep -xE -- '-?(icanon|echo|isig)' | xargs echo modes:",
  );
  const screen = await terminal.until((text) => /^modes: \S/m.test(text));
  expect(/^modes: (.*)$/m.exec(screen)?.[1]?.split(' ').sort()).toEqual(['echo', 'icanon', 'isig']);
}

test.concurrent.each(['--batch', '--json'])(
  'odin top %s ends when its reader has gone',
  async (flag) => {
    await using server = await startTestServer();
    const line = `${topLine(server, flag)} | head -1; exit \${PIPESTATUS[0]}`;
    const { stdout } = await run('bash', ['-c', line], { timeout: 60_000 });
    expect(stdout.trim().split('\n')).toHaveLength(1);
  },
);

// Most of their time they wait for a process to start.
describe.runIf(hasTmux).concurrent('odin top', () => {
  test('follows a server, keys and the size of the terminal, and gives the terminal back', async () => {
    await using server = await startTestServer({ nodeId: 'test-node' });
    await using client = await TestClient.open(server.url);
    await client.subscribe('BTC.*');
    await using terminal = await Tmux.open(80, 24);
    await terminal.type(thenExit(topLine(server)));
    await terminal.shows('1 of 12.0k');
    expect(await terminal.modes()).toEqual({ isAlternate: true, hasCursor: false });
    await server.publish(record('BTC'), record('ETH'));
    await client.events(1);
    await terminal.press('3');
    await terminal.until((screen) => /BTC\.trade +\S+ +1 /.test(screen));
    expect(await terminal.screen()).toMatch(/ETH\.trade +\S+ +0 /);
    await terminal.press('/', 'e', 't', 'h', 'Enter');
    await terminal.until((screen) => screen.includes('ETH.trade') && !screen.includes('BTC.trade'));
    await terminal.press('Enter');
    await terminal.until((screen) => /SUBSCRIBERS +0/.test(screen));
    await terminal.press('Escape');
    await terminal.shows('filter: eth');
    await terminal.resize(200, 50);
    const wide = await terminal.until(
      (screen) => screen.split('\n')[49]?.includes('? help') === true,
    );
    expect(wide.split('\n')[0]).toMatch(/^ odin top {2}test-node .{150,}\d\d:\d\d:\d\dZ$/);
    await terminal.resize(30, 8);
    await terminal.shows('too small: 30x8');
    await terminal.resize(80, 24);
    await terminal.press('?');
    await terminal.shows('any key: back');
    await terminal.press('x', 'q');
    await expectRestored(terminal, 'exit 0');
  });

  test.each([
    ['Ctrl-C', 'exit 0', async (terminal: Tmux) => terminal.press('C-c')],
    ['SIGTERM', 'exit 0', async (_: Tmux, pid: number) => kill(pid, 'SIGTERM')],
    ['SIGHUP', 'exit 0', async (_: Tmux, pid: number) => kill(pid, 'SIGHUP')],
    ['a crash', 'exit 1', async (_: Tmux, pid: number) => kill(pid, 'SIGUSR2')],
  ])('the terminal is restored after %s', async (_, exit, end) => {
    await using server = await startTestServer();
    await using terminal = await Tmux.open(80, 24);
    const crash = "process.on('SIGUSR2',()=>{throw%20new%20Error('a%20crash')})";
    await terminal.type(`export NODE_OPTIONS="--import=data:text/javascript,${crash}"`);
    await terminal.type(thenExit(topLine(server)));
    await terminal.shows('0 of 12.0k');
    await end(terminal, await terminal.job());
    await expectRestored(terminal, exit);
  });

  test('Ctrl-Z hands the terminal to the shell, and fg comes back to the dashboard', async () => {
    await using server = await startTestServer();
    await using terminal = await Tmux.open(80, 24);
    await terminal.type(thenExit(topLine(server)));
    await terminal.shows('0 of 12.0k');
    await terminal.press('C-z');
    await terminal.shows('Stopped');
    expect(await terminal.modes()).toEqual({ isAlternate: false, hasCursor: true });
    await using client = await TestClient.open(server.url);
    await client.subscribe('*');
    await terminal.type('fg; echo "again $?"');
    await terminal.shows('1 of 12.0k');
    expect(await terminal.modes()).toEqual({ isAlternate: true, hasCursor: false });
    await terminal.press('q');
    await expectRestored(terminal, 'again 0');
  });

  test('a server that goes away is shown as that, and comes back by itself', async () => {
    await using terminal = await Tmux.open(100, 30, { NO_COLOR: '1', LC_ALL: 'C' });
    const port = await freePort();
    {
      await using server = await startTestServer({ port });
      await terminal.type(thenExit(topLine(server)));
      await terminal.shows('0 of 12.0k');
    }
    await terminal.shows('x away for');
    expect(await terminal.screen()).toContain('nobody listens there');
    await using _again = await startTestServer({ port });
    const screen = await terminal.until(
      (text) => !text.includes('away') && text.includes(' events in'),
    );
    expect(screen).toMatch(/^[\n\x20-\x7e]*$/);
    await terminal.press('q');
    await expectRestored(terminal, 'exit 0');
  });

  test('the publisher is given another rate, stopped and begun again', async () => {
    await using server = await startTestServer();
    await using running = await startTestPublisher({ rate: 20, trendingIntervalMs: '0s' });
    const { publisher } = running;
    await using terminal = await Tmux.open(80, 24);
    const url = `--publisher-url ${publisher.apiUrl} --tab publisher`;
    await terminal.type(thenExit(`${node} ${binary} top --url ${server.http} ${url}`));
    await terminal.until((screen) => /due +20\/s/.test(screen));
    await terminal.press('e', '5', '0', 'Enter');
    await terminal.until((screen) => /due +50\/s/.test(screen));
    expect(publisher.status().targetRate).toBe(50);
    await terminal.press('x');
    await terminal.shows('stop publishing? y / n');
    await terminal.press('n', 'x', 'y');
    await terminal.until((screen) => /state +stopped/.test(screen));
    expect(publisher.status().running).toBe(false);
    await terminal.press('b', 'y');
    await terminal.until((screen) => /state +running/.test(screen));
    await terminal.press('q');
    await expectRestored(terminal, 'exit 0');
  });

  test('what was recorded is shown again, and gone through', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'odin-top-'));
    try {
      const file = join(folder, 'looks.ndjson');
      await using server = await startTestServer();
      await using terminal = await Tmux.open(80, 24);
      await terminal.type(thenExit(topLine(server, '--record', file)));
      await terminal.shows('0 of 12.0k');
      await using client = await TestClient.open(server.url);
      await client.subscribe('*');
      await terminal.shows('1 of 12.0k');
      await terminal.press('q');
      await terminal.shows('exit 0');
      const lines = readFileSync(file, 'utf8').trim().split('\n');
      const looks = lines.map((line) => JSON.parse(line) as FleetSnapshot);
      // A recording is of all tabs.
      expect(looks.at(-1)!.nodes[0]!.report!.machine).toBeDefined();
      await terminal.type(`clear; ${node} ${binary} top --replay ${file}; echo "replayed $?"`);
      await terminal.shows(`held ${lines.length}/${lines.length}`);
      expect(await terminal.screen()).toContain('1 of 12.0k');
      await terminal.press('(');
      await terminal.shows(`held 1/${lines.length}`);
      expect(await terminal.screen()).not.toContain('1 of 12.0k');
      await terminal.press('Right');
      await terminal.shows(`held 2/${lines.length}`);
      await terminal.press('3');
      await terminal.shows('CHANNEL');
      await terminal.press('q');
      await expectRestored(terminal, 'replayed 0');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

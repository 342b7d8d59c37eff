/** A terminal that goes away, and SIGHUP: what runs there ends as with Ctrl-C, and loses nothing. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OdinProcess, oldNode, portOf, spawnOdin } from './support/spawn-odin.ts';
import { hasTmux, Tmux } from './support/tmux.ts';

const binary = fileURLToPath(new URL('../bin/odin.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'odin-'));
let server: OdinProcess;
let url: string;

beforeAll(async () => {
  server = spawnOdin(['serve', '--port', '0', '--host', '127.0.0.1']);
  url = `ws://127.0.0.1:${portOf(await server.line(/"msg":"listening"/))}/ws`;
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test.runIf(hasTmux)(
  'a search whose terminal goes writes its report and gives the rate back',
  async () => {
    const target = url.replace('ws', 'http').replace('/ws', '');
    await using publisher = spawnOdin([
      'publish',
      '--target',
      target,
      '--rate',
      '300',
      '--api-port',
      '0',
    ]);
    const api = `http://127.0.0.1:${portOf(await publisher.line(/"msg":"ready"/))}`;
    const rate = async () =>
      ((await (await fetch(`${api}/status`)).json()) as { targetRate: number }).targetRate;
    const out = join(folder, 'search.json');
    {
      await using terminal = await Tmux.open(80, 24);
      const search = `--find-max rate --slo 'latency.p99 < 5s' --trial 1s --publisher-url ${api}`;
      const line = `${process.execPath} ${binary} loadtest --url ${url} --connections 5 ${search}`;
      await terminal.type(`${line} --out ${out}`);
      await expect.poll(rate).toBeGreaterThan(300);
    }
    await expect.poll(() => existsSync(out)).toBe(true);
    const { verdict, search } = JSON.parse(readFileSync(out, 'utf8'));
    expect([verdict, search.ending]).toEqual(['interrupted', 'interrupted']);
    await expect.poll(rate).toBe(300);
  },
);

test.each([process.execPath, oldNode].filter((node) => node !== undefined))(
  'SIGHUP ends a load test with its report under %s, however often it comes',
  async (node) => {
    const load = ['--connections', '20', '--duration', '600', '--json'];
    await using loadtest = spawnOdin(['loadtest', '--url', url, ...load], { node, cwd: folder });
    await loadtest.line(/hold/);
    const signals = setInterval(() => loadtest.child.kill('SIGHUP'), 1);
    loadtest.child.kill('SIGHUP');
    const { exitCode, stdout } = await loadtest.ended;
    clearInterval(signals);
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'interrupted',
      connections: { opened: 20 },
    });
    expect(exitCode).toBe(130);
  },
);

/** Ctrl-C while what odin talks to stands still, as a process on a stuck disk does: the end, and what is told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeNats, natsAdmin, startNats } from './support/nats.ts';
import { type OdinProcess, portOf, spawnOdin } from './support/spawn-odin.ts';

/** Less than what was waited for once; without load it takes less than 2 s. */
const soonMs = 4_500;
const notConfirmed = /published in \S+, ([\d ]+) not confirmed \(the broker may have them or not\)/;

/** Told to stop; resolves with what came out, and how long that took. */
async function interrupt(odin: OdinProcess) {
  const startMs = performance.now();
  odin.child.kill('SIGINT');
  const ended = await odin.ended;
  return { ...ended, tookMs: performance.now() - startMs };
}

function publish(...where: readonly string[]): OdinProcess {
  return spawnOdin(['publish', '--api-port', '0', '--rate', '500', ...where]);
}

/** Resolves when this many events, or more, wait for the broker. */
async function untilInFlight(publisher: OdinProcess, least: number): Promise<void> {
  const url = `http://127.0.0.1:${portOf(await publisher.line(/"msg":"ready"/))}/status`;
  for (;;) {
    const status = (await (await fetch(url)).json()) as { inFlight: number };
    if (status.inFlight >= least) return;
    await sleep(20);
  }
}

function expectUnconfirmed({
  exitCode,
  stdout,
  stderr,
  tookMs,
}: Awaited<ReturnType<typeof interrupt>>) {
  const [, count = ''] = notConfirmed.exec(stdout) ?? [];
  expect(Number(count.replaceAll(' ', ''))).toBeGreaterThanOrEqual(20);
  expect(stderr).toContain('waiting while the broker confirms');
  expect(exitCode).toBe(6);
  expect(tookMs).toBeLessThan(soonMs);
}

describeNats('a NATS server that stands still', () => {
  test.concurrent('holds up nobody who wants to end', async () => {
    await using nats = await startNats();
    await spawnOdin(['topics', 'create', '--broker', nats.url]).ended;
    await using publisher = publish('--broker', nats.url);
    await using server = spawnOdin(['serve', '--port', '0', '--broker', nats.url]);
    await using tail = spawnOdin(['topics', 'tail', '*.trade', '--broker', nats.url]);
    await Promise.all([server.line(/"msg":"ready"/), tail.line(/trade/)]);
    await nats.freeze();
    await untilInFlight(publisher, 20);
    const ends = await Promise.all([publisher, server, tail].map(interrupt));
    expectUnconfirmed(ends[0]!);
    for (const { exitCode, tookMs } of ends.slice(1)) {
      expect(exitCode).toBe(0);
      expect(tookMs).toBeLessThan(soonMs);
    }
  });

  test.concurrent('and goes on in time gets all that was under way', async () => {
    await using nats = await startNats();
    await spawnOdin(['topics', 'create', '--broker', nats.url]).ended;
    await using publisher = publish('--broker', nats.url);
    await untilInFlight(publisher, 0);
    await nats.freeze();
    await untilInFlight(publisher, 20);
    const ending = interrupt(publisher);
    await publisher.line(/waiting while the broker confirms/);
    nats.thaw();
    const { exitCode, stdout } = await ending;
    expect(exitCode).toBe(0);
    await using admin = await natsAdmin(nats.url);
    const { state } = await admin.manager.streams.info('ODIN_TOKENS');
    const [, published = ''] = /^([\d ]+) events? published in \S+\n$/.exec(stdout) ?? [];
    expect(state.last_seq).toBe(Number(published.replaceAll(' ', '')));
  });
});

test.concurrent('a server that stands still does not hold up who publishes to it', async () => {
  await using server = spawnOdin(['serve', '--port', '0']);
  const port = portOf(await server.line(/"msg":"listening"/));
  await using publisher = publish('--target', `http://127.0.0.1:${port}`);
  await untilInFlight(publisher, 0);
  server.child.kill('SIGSTOP');
  await untilInFlight(publisher, 20);
  expectUnconfirmed(await interrupt(publisher));
});

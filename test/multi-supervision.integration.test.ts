/** Shards that die, freeze or lag: who notices, what is lost, and how soon all is well again. */
import { kill } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { TestClient } from './support/client.ts';
import { Crowd } from './support/knock.ts';
import { NumberedEvents } from './support/numbered-events.ts';
import { ReturningClient } from './support/returning-client.ts';
import { countersOf, linesOf, multi, pidsOf, slotsOf, statusOf } from './support/shards.ts';
import { startTestServer, type TestServer } from './support/start-server.ts';

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Clients that are all subscribed. */
async function openReturning(server: TestServer, count: number) {
  const clients = upTo(count).map(() => new ReturningClient(server.url));
  const all = {
    clients,
    of: (shard: number) => clients.filter((client) => client.shard === shard),
    async allHere() {
      await expect.poll(() => clients.every(({ isHere }) => isHere)).toBe(true);
    },
    /** Waits until each has every event up to the end, in order, and none twice. */
    async haveAll(total: number) {
      const isLast = ({ numbers }: ReturningClient) => numbers.at(-1) === total - 1;
      await expect.poll(() => clients.every(isLast)).toBe(true);
      for (const { numbers, incomplete } of clients) {
        expect(incomplete).toBe(0);
        expect(numbers).toEqual(upTo(total));
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    },
  };
  await all.allHere();
  return all;
}

/** Stops a process; whatever happens, it does not stay stopped. */
function freeze(pid: number): void {
  kill(pid, 'SIGSTOP');
  onTestFinished(() => thaw(pid));
}

function thaw(pid: number): void {
  try {
    kill(pid, 'SIGCONT');
  } catch {
    // It is gone.
  }
}

/** Waits for a line that comes beyond the first `known` of its sentence. */
async function nextLine(server: TestServer, sentence: string, known: number) {
  await expect.poll(() => linesOf(server, sentence).length).toBeGreaterThan(known);
  return linesOf(server, sentence)[known] as Record<string, unknown>;
}

/** Of how late events came to clients. */
function p99(clients: readonly ReturningClient[]): number {
  const values = clients.flatMap(({ delaysMs }) => delaysMs);
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] as number;
}

/** From now on delays count; whoever waits for a frozen shard is as late as that is frozen. */
function noteDelays(clients: readonly ReturningClient[]) {
  const fromMs = performance.now();
  for (const { delaysMs } of clients) delaysMs.length = 0;
  return () => p99(clients) / (performance.now() - fromMs);
}

test('of a killed shard only its clients notice, and they miss nothing', async () => {
  await using server = await startTestServer(multi);
  await using all = await openReturning(server, 60);
  await using events = new NumberedEvents(server);
  const [mine, others] = [all.of(1), [...all.of(0), ...all.of(2)]];
  // On a busy machine a shard may fall silent while clients come, and gets fewer of them.
  expect(mine.length).toBeGreaterThan(0);
  expect(others.length).toBeGreaterThan(0);
  await expect.poll(() => events.count).toBeGreaterThan(100);
  const before = await countersOf(server);
  kill((await pidsOf(server))[1] as number, 'SIGKILL');
  const { tookMs } = await nextLine(server, 'shard serves', 3);
  expect(tookMs).toBeLessThan(30_000);
  await all.allHere();
  const fromMs = performance.now();
  // For as long as the new shard counts from the beginning.
  while (performance.now() - fromMs < 1_500) {
    const now = await countersOf(server);
    for (const [name, value] of before)
      expect([name, now.get(name)! >= value]).toEqual([name, true]);
    for (const [name, value] of now) before.set(name, value);
    await delay(50);
  }
  await all.haveAll(await events.stop());
  expect(mine.map(({ closes }) => closes)).toEqual(mine.map(() => [1006]));
  expect(others.flatMap(({ closes }) => closes)).toEqual([]);
  await expect.poll(() => slotsOf(server)).toEqual({ inUse: 60, pending: 0 });
});

test('a shard that starts while limits change goes by the new ones', async () => {
  const settings = { ...multi, shards: { count: 1 } };
  await using server = await startTestServer({ ...settings, maxSubscriptions: 50 });
  kill((await pidsOf(server))[0] as number, 'SIGKILL');
  await nextLine(server, 'shard ended', 0);
  server.reload({ ...settings, maxSubscriptions: 7 });
  await nextLine(server, 'shard serves', 1);
  await using client = await TestClient.open(server.url);
  expect(await client.next('welcome')).toMatchObject({ limits: { subscriptions: 7 } });
});

test('a frozen shard is replaced, and its arrivals are served by others', async () => {
  await using server = await startTestServer(multi);
  await using all = await openReturning(server, 60);
  await using events = new NumberedEvents(server);
  const others = [...all.of(0), ...all.of(2)];
  await expect.poll(() => events.count).toBeGreaterThan(50);
  const lateness = noteDelays(others);
  freeze((await pidsOf(server))[1] as number);
  const arriving = Crowd.of(server.server.port, 30);
  // Soon it gets nobody any more, and who looks at the node does not wait for it.
  const warnings = async () => {
    const patience = { headers: { connection: 'close' }, signal: AbortSignal.timeout(4_000) };
    const response = await fetch(`${server.http}/health`, patience);
    return ((await response.json()) as { warnings: string[] }).warnings;
  };
  const silence = 'shard 1 does not answer';
  // It may get the first of those who ask.
  await expect.poll(() => warnings().catch(() => [])).toContain(silence);
  expect(await warnings()).toContain(silence);
  for (const query of ['', '?sections=channels,clients'])
    expect((await statusOf(server, query)).silent_shards, query).toContain(1);
  using crowd = await arriving;
  expect(crowd.inside).toHaveLength(30);
  await nextLine(server, 'shard serves', 3);
  expect(lateness()).toBeLessThan(0.5);
  await all.allHere();
  await all.haveAll(await events.stop());
  expect(others.flatMap(({ closes }) => closes)).toEqual([]);
  await expect.poll(() => slotsOf(server)).toEqual({ inUse: 90, pending: 0 });
  await expect.poll(async () => (await statusOf(server)).silent_shards).toEqual([]);
});

test('a shard that stalls delays nobody, and its clients get everything', async () => {
  await using server = await startTestServer({ ...multi, throttle: { strategy: 'none' } });
  await using all = await openReturning(server, 6);
  const [mine, others] = [all.of(1), [...all.of(0), ...all.of(2)]];
  await using events = new NumberedEvents(server, { batch: 100, everyMs: 20, fillerBytes: 1_000 });
  await expect.poll(() => events.count).toBeGreaterThan(1_000);
  const lateness = noteDelays(others);
  const pid = (await pidsOf(server))[1] as number;
  freeze(pid);
  const frozenAt = events.count;
  // Two seconds of events, which are far more than its pipe takes.
  const goOn = () => others.every(({ numbers }) => numbers.length > frozenAt + 10_000);
  await expect.poll(goOn, { timeout: 60_000 }).toBe(true);
  expect(lateness()).toBeLessThan(0.5);
  for (const { numbers } of mine) expect(numbers.length).toBeLessThan(frozenAt + 9_000);
  await expect.poll(() => server.metric('odin_shard_feed_stalls_total{shard_id="1"}')).toBe(1);
  thaw(pid);
  await all.haveAll(await events.stop());
  expect(all.clients.flatMap(({ closes }) => closes)).toEqual([]);
  expect(linesOf(server, 'shard ended')).toEqual([]);
});

test('a shard that the history has left behind is replaced, and its clients resume', async () => {
  await using server = await startTestServer({
    ...{ ...multi, shards: { count: 3, silenceMs: '60s' } },
    ...{ historyBytes: '1MiB', maxBufferedBytes: '64KiB', throttle: { strategy: 'none' } },
  });
  await using all = await openReturning(server, 6);
  const [mine, others] = [all.of(1), [...all.of(0), ...all.of(2)]];
  await using events = new NumberedEvents(server, { batch: 20, everyMs: 10, fillerBytes: 2_000 });
  const pid = (await pidsOf(server))[1] as number;
  freeze(pid);
  await expect.poll(() => events.count).toBeGreaterThan(2_500);
  thaw(pid);
  await nextLine(server, 'shard is behind the history: it is ended', 0);
  await nextLine(server, 'shard serves', 3);
  await all.allHere();
  await all.haveAll(await events.stop());
  expect(mine.map(({ closes }) => closes)).toEqual(mine.map(() => [1006]));
  expect(others.flatMap(({ closes }) => closes)).toEqual([]);
});

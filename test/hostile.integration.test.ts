/** 100 000 hostile inputs from a seed: the server serves on, and nothing of them is left. */
import { once } from 'node:events';
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createRandom, type Random } from '../src/base/random.ts';
import type { StatusReport } from '../src/protocol/status-report.ts';
import { TestClient } from './support/client.ts';
import { hostileBody, hostileFrames, hostileHandshake, hostileMessage } from './support/fuzz.ts';
import { RawWebSocket, rawFrame, upgradeText } from './support/raw-websocket.ts';
import { mode, record, startTestServer, type TestServer } from './support/start-server.ts';

const counts = { messages: 62_000, frames: 12_000, handshakes: 8_000, bodies: 18_000 };
const parallel = 40;
const batch = 50;
const mebibyte = 1024 * 1024;

const errorsLogged: unknown[] = [];

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Limits that an hour of this could fill are small, so that what grows is a leak. */
async function startSmall(): Promise<TestServer> {
  const settings = {
    historyBytes: '64KiB',
    // On a machine that is busy with others, good handshakes of this test may take long.
    limits: { messageRate: 0, handshakeMs: '60s' },
    throttle: { strategy: 'none' },
    guard: { cpuRejectPercent: 0, cpuPausePercent: 0, memoryRejectPercent: 0 },
  };
  return await startTestServer(settings, { embedded: { maxBytes: '64KiB' } });
}

/** Runs `work` for every number below `count`, `parallel` at a time. */
async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

/** Messages that keep a connection open, in batches; each batch is answered to its end. */
async function sendMessages(port: number, count: number, random: Random): Promise<void> {
  const perConnection = 1_000;
  await inParallel(Math.ceil(count / perConnection), async (index) => {
    await using client = await RawWebSocket.open(port);
    const share = Math.min(perConnection, count - index * perConnection);
    for (let sent = 0; sent < share; sent += batch) {
      const messages = Array.from({ length: Math.min(batch, share - sent) }, () =>
        hostileMessage(random),
      );
      const mark = `${index}-${sent}`;
      const last = rawFrame(0x1, JSON.stringify({ type: 'heartbeat', id: mark }));
      client.received.length = 0;
      client.socket.write(Buffer.concat([...messages, last]));
      while (!client.received.includes(`heartbeat:${mark}`)) {
        await Promise.race([once(client.socket, 'data'), client.ended]);
        if (client.socket.destroyed) throw new Error(`closed: ${client.received.slice(-3).join()}`);
      }
    }
  });
}

/** Bytes for a connection of their own; it ends when the server ends it, or by itself. */
async function sendAlone(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  const closed = once(socket, 'close');
  socket.end(bytes);
  const timer = setTimeout(() => socket.destroy(), 2_000);
  await closed;
  clearTimeout(timer);
}

/** Requests one after the other on connections that are kept; each gets its answer. */
async function sendBodies(port: number, count: number, random: Random): Promise<void> {
  await inParallel(Math.ceil(count / batch), async () => {
    const socket = connect(port, '127.0.0.1');
    const bodies = Array.from({ length: batch }, () => hostileBody(random));
    socket.write(Buffer.concat(bodies));
    await untilAnswers(socket, batch);
    socket.destroy();
    await once(socket, 'close');
  });
}

async function untilAnswers(socket: Socket, count: number): Promise<void> {
  let answers = 0;
  let rest = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    const text = rest + (chunk as Buffer).toString('latin1');
    answers += text.split('HTTP/1.1 ').length - 1;
    expect(text).not.toContain('HTTP/1.1 500');
    rest = text.slice(-8).replace('HTTP/1.1', '');
    if (answers >= count) return;
  }
  throw new Error(`${answers} of ${count} requests were answered`);
}

/** The status of `path`, over a connection that is closed then. */
async function statusOf(port: number, path: string): Promise<number | undefined> {
  const [response] = await once(get({ port, path, agent: false }), 'response');
  response.resume();
  await once(response, 'close');
  return response.statusCode;
}

/** Hurls `share` of all inputs at a server. */
async function attack(port: number, share: number, random: Random): Promise<number> {
  const scaled = (count: number) => Math.round(count * share);
  // The bodies come first: positions in the messages then mean something.
  await sendBodies(port, scaled(counts.bodies), random);
  await sendMessages(port, scaled(counts.messages), random);
  const upgrade = Buffer.from(upgradeText());
  await inParallel(scaled(counts.frames), () =>
    sendAlone(port, Buffer.concat([upgrade, hostileFrames(random)])),
  );
  await inParallel(scaled(counts.handshakes), () => sendAlone(port, hostileHandshake(random)));
  return Object.values(counts).reduce((sum, count) => sum + scaled(count), 0);
}

/** What the process holds now, once everything that ended is cleared away. */
function resources() {
  const kinds = process.getActiveResourcesInfo();
  const count = (kind: string) => kinds.filter((name) => name === kind).length;
  return { sockets: count('TCPSocketWrap'), timers: count('Timeout') };
}

/** Waits at most as long as the longest timer that an ended client may leave for a moment. */
async function settledResources(wanted: { sockets: number; timers: number }) {
  const isSettled = () => {
    const { sockets, timers } = resources();
    return sockets <= wanted.sockets && timers <= wanted.timers;
  };
  for (let waitedMs = 0; waitedMs < 6_000 && !isSettled(); waitedMs += 100) await sleep(100);
  return resources();
}

/** Bytes in use; waits for what is kept for some seconds while they are above `wanted`. */
async function settledMemory(server: TestServer, wanted = 0): Promise<number> {
  let bytes = Number.POSITIVE_INFINITY;
  for (let waitedMs = 0; waitedMs < 6_000 && bytes > wanted; waitedMs += 500) {
    await sleep(500);
    takeLog(server);
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    bytes = heapUsed + arrayBuffers;
  }
  return bytes;
}

/** Over all shards; each socket that a shard holds has one. */
async function slotsInUse(server: TestServer): Promise<number> {
  const { shards } = (await (await fetch(`${server.http}/api/status`)).json()) as StatusReport;
  return shards.reduce(
    (sum, { connections, pending_slots }) => sum + connections + pending_slots,
    0,
  );
}

/** The lines are kept by the test, not by the server: only errors stay. */
function takeLog({ logLines }: TestServer): void {
  const lines = logLines.splice(0);
  errorsLogged.push(...lines.filter(({ level }) => level === 'error' || level === 'fatal'));
}

/** A good client among the others, with events for it until {@link finish}. */
class Witness {
  readonly client: TestClient;
  readonly #server: TestServer;
  readonly #statuses = new Set<number | undefined>();
  readonly #running: Promise<void>;
  #published = 0;
  #isOver = false;

  private constructor(server: TestServer, client: TestClient) {
    this.#server = server;
    this.client = client;
    this.#running = this.#publish();
  }

  static async start(server: TestServer): Promise<Witness> {
    const client = await TestClient.open(server.url);
    await client.subscribe('GOOD.trade');
    return new Witness(server, client);
  }

  /** Checks that everything came, in order, and that the server was ready whenever asked. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    await this.client.events(this.#published);
    const numbers = this.client.received.map(({ data }) => (data as { n: number }).n);
    expect(numbers).toEqual(Array.from({ length: this.#published }, (_, n) => n));
    expect(this.#published).toBeGreaterThan(20);
    expect(this.#statuses).toEqual(new Set([200]));
    await this.client[Symbol.asyncDispose]();
  }

  async #publish(): Promise<void> {
    const { port } = this.#server.server;
    for (; !this.#isOver; this.#published++) {
      await this.#server.publish(record('GOOD', 'TRADE_EXECUTED', { n: this.#published }));
      this.#statuses.add(await statusOf(port, '/readyz').catch(() => undefined));
      await sleep(50);
    }
  }
}

test('hostile input crashes nothing, disturbs nobody and leaves nothing behind', async () => {
  await using server = await startSmall();
  const { port } = server.server;
  const random = createRandom(20_261_120);
  // So that positions within the log can be guessed.
  for (let n = 0; n < 20; n++) await server.publish(record('BTC'), record('ETH'));
  const witness = await Witness.start(server);
  // What is made once and kept (code, tables, buffers for reuse) is made by the first quarter.
  let inputs = await attack(port, 0.25, random);
  // The witness's own and, where the server is this process, the server's end of it.
  const sockets = mode === 'multi' ? 1 : 2;
  const before = await settledResources({ sockets, timers: 0 });
  expect(before.sockets).toBe(sockets);
  const bytesBefore = await settledMemory(server);
  inputs += await attack(port, 0.75, random);
  expect(inputs).toBeGreaterThanOrEqual(100_000);
  const after = await settledResources(before);
  expect(after.sockets).toBe(sockets);
  if (mode === 'multi') await expect.poll(() => slotsInUse(server)).toBe(1);
  expect(after.timers).toBeLessThanOrEqual(before.timers);
  const bound = bytesBefore + 3 * mebibyte;
  expect(await settledMemory(server, bound)).toBeLessThan(bound);

  await witness.finish();
  expect((await settledResources({ sockets: 0, timers: 0 })).sockets).toBe(0);
  takeLog(server);
  expect(errorsLogged).toEqual([]);
});

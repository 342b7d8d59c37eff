/** Clients that come and go in every way, and shards that die: nothing may stay behind. */
import { connect } from 'node:net';
import { kill, pid as ownPid } from 'node:process';
import { expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import { type Knock, knock } from './support/knock.ts';
import { closePayload, rawFrame } from './support/raw-websocket.ts';
import { descriptorsOf, linesOf, multi, pidsOf, residentMiBOf, slotsOf } from './support/shards.ts';
import { startTestServer, type TestServer } from './support/start-server.ts';

const quarters = 4;
const cyclesPerQuarter = 250;
const seed = 20_261_121;

/** What clients do, at random. */
class Visits implements Disposable {
  readonly #port: number;
  readonly #random = createRandom(seed);
  readonly #clients = new Set<Knock>();
  readonly #halfOpen: Disposable[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** Clients that are connected. */
  get open(): number {
    return this.#clients.size;
  }

  async next(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.45) await this.#come();
    else if (dice < 0.6)
      await this.#leave(({ socket }) => socket.write(rawFrame(8, closePayload(1000))));
    else if (dice < 0.75) await this.#leave(({ socket }) => socket.resetAndDestroy());
    else if (dice < 0.8) await this.#leave(({ socket }) => socket.destroy());
    else if (dice < 0.9) this.#hesitate('GET /ws HTTP/1.1\r\nHost: x\r\n', dice < 0.85);
    else await fetch(`http://127.0.0.1:${this.#port}/livez`, { headers: { connection: 'close' } });
  }

  /** Everybody leaves, each in one of the ways. */
  async allLeave(): Promise<void> {
    while (this.open > 0) await this.#leave(({ socket }) => socket.resetAndDestroy());
    for (const socket of this.#halfOpen.splice(0)) socket[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.#clients) socket.destroy();
    for (const socket of this.#halfOpen) socket[Symbol.dispose]();
  }

  async #come(): Promise<void> {
    const client = await knock(this.#port);
    // Its shard may have been killed this moment.
    if (client.status !== 101) return;
    this.#clients.add(client);
    void client.closed.then(() => this.#clients.delete(client));
  }

  async #leave(how: (client: Knock) => void): Promise<void> {
    const clients = [...this.#clients];
    const client = clients[Math.floor(this.#random.next() * clients.length)];
    if (client === undefined) return;
    how(client);
    await client.closed;
  }

  /** Somebody who says half of what is expected, and leaves or stays. */
  #hesitate(text: string, leaves: boolean): void {
    const socket = connect(this.#port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      socket.write(text);
      if (leaves) socket.resetAndDestroy();
    });
    this.#halfOpen.push({ [Symbol.dispose]: () => void socket.destroy() });
  }
}

async function untilSlots(server: TestServer, inUse: () => number): Promise<void> {
  const isExact = async () => {
    const slots = await slotsOf(server);
    return slots.pending === 0 && slots.inUse === inUse();
  };
  await expect.poll(isExact).toBe(true);
}

/** Kills a shard, and waits for the next of its number. */
async function replace(server: TestServer, shard: number): Promise<void> {
  const known = linesOf(server, 'shard serves').length;
  kill((await pidsOf(server))[shard] as number, 'SIGKILL');
  const served = () => linesOf(server, 'shard serves').length;
  await expect.poll(served).toBe(known + 1);
}

test('after 1 000 cycles there are as many slots in use as sockets open, and nothing has grown', async () => {
  await using server = await startTestServer({ ...multi, limits: { handshakeMs: '1s' } });
  using visits = new Visits(server.server.port);
  const descriptors: number[][] = [];
  const residentMiB: number[][] = [];
  for (let quarter = 0; quarter < quarters; quarter++) {
    for (let cycle = 0; cycle < cyclesPerQuarter; cycle++) await visits.next();
    // Each shard dies once, under its clients.
    if (quarter > 0) await replace(server, quarter - 1);
    else for (const shard of [0, 1, 2]) await replace(server, shard);
    await untilSlots(server, () => visits.open);
    for (let cycle = 0; cycle < 10; cycle++) await visits.next();
    await untilSlots(server, () => visits.open);
    await visits.allLeave();
    await untilSlots(server, () => 0);
    const pids = [ownPid, ...(await pidsOf(server))];
    descriptors.push(pids.map(descriptorsOf));
    residentMiB.push(pids.map(residentMiBOf));
  }
  const [first = [], last = []] = [descriptors[0], descriptors.at(-1)];
  for (const [process, count] of last.entries())
    expect(count).toBeLessThanOrEqual((first[process] as number) + 2);
  const [firstMiB = [], lastMiB = []] = [residentMiB[0], residentMiB.at(-1)];
  for (const [process, mib] of lastMiB.entries())
    expect(mib).toBeLessThan((firstMiB[process] as number) + 30);
});

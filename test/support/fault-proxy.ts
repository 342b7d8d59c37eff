/** A TCP proxy that mistreats the connections through it: cuts, delays, truncates, half-opens. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Random } from '../../src/base/random.ts';

/**
 * `cut` resets both sides; `truncate` lets a part of what comes next through, then cuts; `delay` holds
 * bytes back for a while; `half-open` lets nothing through any more and closes nothing.
 */
export const faultKinds = ['cut', 'delay', 'truncate', 'half-open'] as const;

/** What is done to a connection. */
export type FaultKind = (typeof faultKinds)[number];

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  isHalfOpen: boolean;
  /** Bytes to the client that are still let through; then it is cut. */
  leftBytes: number;
  delayed: Buffer[] | undefined;
}

/** Passes connections on to `port`, which may change. Disposing it ends them all. */
export class FaultProxy implements AsyncDisposable {
  /** Where new connections go. */
  target: number;
  /** Connections until now. */
  accepted = 0;
  /** Faults until now, by kind. */
  readonly done: Record<FaultKind, number> = { cut: 0, delay: 0, truncate: 0, 'half-open': 0 };
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();
  readonly #timers = new Set<NodeJS.Timeout>();

  private constructor(target: number) {
    this.target = target;
    this.#listener = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  /** Starts one on a free port of the loopback. */
  static async start(target: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.#listener.listen(0, '127.0.0.1');
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#listener.address() as AddressInfo).port}/ws`;
  }

  /** Connections that bytes go through. */
  get open(): number {
    return [...this.#pairs].filter(({ isHalfOpen }) => !isHalfOpen).length;
  }

  /** Does something to the newest connection; false when there is none. */
  inflict(kind: FaultKind, random: Random): boolean {
    const pair = [...this.#pairs].findLast(({ isHalfOpen }) => !isHalfOpen);
    if (pair === undefined) return false;
    this.done[kind]++;
    if (kind === 'cut') this.#cut(pair);
    else if (kind === 'truncate') pair.leftBytes = Math.floor(random.next() * 600);
    else if (kind === 'half-open') pair.isHalfOpen = true;
    else this.#delay(pair, random.next() * 60);
    return true;
  }

  /** Reads nothing of what comes for clients until the returned function is called. */
  stall(): () => void {
    const stalled = [...this.#pairs];
    for (const { server } of stalled) server.pause();
    return () => {
      for (const { server } of stalled) server.resume();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const pair of this.#pairs) this.#cut(pair);
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  #accept(client: Socket): void {
    this.accepted++;
    const server = connect(this.target, '127.0.0.1').setNoDelay();
    const pair: Pair = {
      ...{ client, server, isHalfOpen: false },
      ...{ leftBytes: Number.POSITIVE_INFINITY, delayed: undefined },
    };
    this.#pairs.add(pair);
    server.on('data', (bytes) => this.#toClient(pair, bytes));
    client.on('data', (bytes) => {
      if (!pair.isHalfOpen) server.write(bytes);
    });
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      // The end of one side is kept from the other while the connection is half open.
      socket.on('close', () => {
        if (!pair.isHalfOpen) this.#cut(pair);
      });
    }
  }

  #toClient(pair: Pair, bytes: Buffer): void {
    if (pair.isHalfOpen) return;
    if (pair.delayed !== undefined) return void pair.delayed.push(bytes);
    pair.client.write(bytes.subarray(0, pair.leftBytes));
    pair.leftBytes -= bytes.length;
    if (pair.leftBytes > 0) return;
    // What was written goes out first.
    pair.client.end();
    pair.server.resetAndDestroy();
    this.#pairs.delete(pair);
  }

  #delay(pair: Pair, delayMs: number): void {
    pair.delayed ??= [];
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const { delayed = [] } = pair;
      pair.delayed = undefined;
      for (const bytes of delayed) if (!pair.client.destroyed) this.#toClient(pair, bytes);
    }, delayMs);
    this.#timers.add(timer);
  }

  #cut(pair: Pair): void {
    this.#pairs.delete(pair);
    for (const socket of [pair.client, pair.server])
      if (!socket.destroyed) socket.resetAndDestroy();
  }
}

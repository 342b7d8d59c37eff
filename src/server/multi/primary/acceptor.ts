/** Acceptor: takes connections off the port and hands each to a shard, or refuses it. */
import { createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Counters } from '../../reporting/counters.ts';
import type { Slots } from './slots.ts';

/** Sockets that wait for a shard that has room, but too many on their way to it already. */
const maxWaiting = 4_096;
/** Sockets in this process: those on their way, and those that are answered from here. */
const maxSockets = 10_000;

/** What it decides by and acts on. */
export interface AcceptorParts {
  readonly slots: Slots;
  /** Whether clients are to be taken at all: not while the node is cold, short of something or leaving. */
  readonly isOpen: () => boolean;
  /** Whether a shard serves; it may be busy for the moment. */
  readonly isServing: (shard: number) => boolean;
  /** Whether a socket can be handed to it now. */
  readonly canTake: (shard: number) => boolean;
  readonly handOver: (shard: number, id: number, socket: Socket) => void;
  /** Answers whatever comes on a socket in this process; upgrades are refused. */
  readonly answer: (socket: Socket) => void;
  readonly counters: Counters;
}

/** Nothing is read from a socket here before it is known where it goes. */
export class Acceptor {
  readonly server: Server;
  readonly #parts: AcceptorParts;
  readonly #waiting: Socket[] = [];
  #nextId = 1;
  #isClosed = false;

  constructor(parts: AcceptorParts) {
    this.#parts = parts;
    this.server = createServer({ pauseOnConnect: true, noDelay: true });
    this.server.maxConnections = maxSockets;
    this.server.on('connection', (socket) => this.accept(socket));
    this.server.on('drop', () => parts.counters.socketsDropped++);
  }

  /** Finds a place for a socket. */
  accept(socket: Socket): void {
    if (this.#isClosed) return void socket.destroy();
    // It may come a second time, from a shard that is gone.
    if (socket.listenerCount('error', ignore) === 0) socket.on('error', ignore);
    if (this.#waiting.length === 0 && this.#handOver(socket)) return;
    if (this.#waiting.length < maxWaiting && this.#isRoomComing()) this.#waiting.push(socket);
    else this.#parts.answer(socket);
  }

  /** Places are free again, or the node has closed: looks at those who wait. */
  retry(): void {
    let placed = 0;
    while (placed < this.#waiting.length && this.#handOver(this.#waiting[placed] as Socket)) {
      placed++;
    }
    this.#waiting.splice(0, placed);
    if (this.#waiting.length === 0 || this.#isRoomComing()) return;
    for (const socket of this.#waiting.splice(0)) this.#parts.answer(socket);
  }

  /** Takes no more; resolves when the port is free. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    if (!this.server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    await promise;
  }

  #isRoomComing(): boolean {
    const { slots, isOpen, isServing } = this.#parts;
    return isOpen() && slots.hasRoom(isServing);
  }

  #handOver(socket: Socket): boolean {
    const { slots, isOpen, canTake, handOver } = this.#parts;
    if (!isOpen()) return false;
    const shard =
      slots.pick(canTake) ?? (slots.relieve(performance.now()) ? slots.pick(canTake) : undefined);
    if (shard === undefined) return false;
    const id = this.#nextId++;
    slots.take(shard, id, performance.now());
    handOver(shard, id, socket);
    return true;
  }
}

function ignore(): void {}

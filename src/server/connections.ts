/** Connections: everyone who is connected; opens, pings, counts and closes them. */

import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { DisconnectName } from '../protocol/disconnects.ts';
import type { ProtocolVersion } from '../protocol/versions.ts';
import type { ClientSocket } from './client-socket.ts';
import { Connection } from './connection.ts';
import { bump, type Counters } from './counters.ts';
import type { Delivery } from './delivery.ts';

/** Looks at the connections this often per heartbeat, so that pings spread over time. */
const sweepsPerHeartbeat = 8;

/** The set of open connections and their one heartbeat timer. */
export class Connections {
  readonly #open = new Set<Connection>();
  readonly #delivery: Delivery;
  readonly #counters: Counters;
  readonly #heartbeatMs: number;
  readonly #sweep: NodeJS.Timeout;
  #nextId = 1;
  #onEmpty: (() => void) | undefined;

  constructor(delivery: Delivery, counters: Counters, heartbeatMs: number) {
    this.#delivery = delivery;
    this.#counters = counters;
    this.#heartbeatMs = heartbeatMs;
    this.#sweep = setInterval(() => this.#check(), heartbeatMs / sweepsPerHeartbeat);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Takes over an upgraded socket. */
  add(version: ProtocolVersion, webSocket: ClientSocket, socket: Socket): Connection {
    const cohort = this.#delivery.unsubscribed(version);
    const nowMs = performance.now();
    const connection = new Connection(this.#nextId++, version, webSocket, socket, cohort, nowMs);
    this.#open.add(connection);
    this.#delivery.add(connection);
    this.#counters.connectionsAccepted++;
    return connection;
  }

  /** Its socket is closed. */
  remove(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    this.#delivery.remove(connection);
    bump(this.#counters.closed, connection.closedAs ?? 'client');
    if (this.#open.size === 0) this.#onEmpty?.();
  }

  /** Closes everybody; resolves when all are gone, which takes at most `graceMs`. */
  async closeAll(name: DisconnectName, graceMs: number): Promise<void> {
    clearInterval(this.#sweep);
    for (const connection of this.#open) connection.close(name);
    if (this.#open.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const timer = setTimeout(() => {
      for (const connection of this.#open) connection.terminate(name);
    }, graceMs);
    await promise;
    clearTimeout(timer);
  }

  #check(): void {
    const nowMs = performance.now();
    for (const connection of this.#open) {
      if (nowMs - connection.seenMs > 2 * this.#heartbeatMs) connection.terminate('unresponsive');
      else if (nowMs - connection.pingedMs >= this.#heartbeatMs) connection.ping(nowMs);
    }
  }
}

/** Connections: everyone who is connected; opens, pings, counts and closes them. */

import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { WebSocket } from 'ws';
import { type DisconnectName, disconnects } from '../../protocol/disconnects.ts';
import type { ProtocolVersion } from '../../protocol/versions.ts';
import type { Deflating } from '../compression/deflate-offer.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Audit } from '../reporting/audit.ts';
import { bump, type Counters } from '../reporting/counters.ts';
import type { Principal } from '../security/principal.ts';
import { Connection } from './connection.ts';
import type { Gate } from './gate.ts';

/** Looks at the connections this often per heartbeat, so that pings spread over time. */
const sweepsPerHeartbeat = 8;
/** Looks at them at least this often, in milliseconds: tokens expire to the second. */
const maxSweepMs = 1_000;

/** The set of open connections and their one heartbeat timer. */
export class Connections implements Disposable {
  readonly #open = new Set<Connection>();
  readonly #delivery: Delivery;
  readonly #counters: Counters;
  readonly #heartbeatMs: number;
  readonly #gate: Gate;
  readonly #audit: Audit;
  readonly #maxLifetimeMs: number;
  readonly #sweep: NodeJS.Timeout;
  #look: NodeJS.Immediate | undefined;
  #nextId = 1;

  /** With `maxLifetimeMs` above 0, connections are closed to come back after about that time. */
  constructor(
    delivery: Delivery,
    counters: Counters,
    heartbeatMs: number,
    gate: Gate,
    audit: Audit,
    maxLifetimeMs = 0,
  ) {
    this.#delivery = delivery;
    this.#counters = counters;
    this.#heartbeatMs = heartbeatMs;
    this.#gate = gate;
    this.#audit = audit;
    this.#maxLifetimeMs = maxLifetimeMs;
    const sweepMs = Math.min(heartbeatMs / sweepsPerHeartbeat, maxSweepMs);
    this.#sweep = setInterval(() => {
      // When this process stood still, what clients said meanwhile is read before they are judged.
      this.#look = setImmediate(() => this.#check());
    }, sweepMs);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Everyone, in the order in which they came. */
  get open(): ReadonlySet<Connection> {
    return this.#open;
  }

  /** Ends the heartbeat; closes nobody. */
  [Symbol.dispose](): void {
    clearInterval(this.#sweep);
    clearImmediate(this.#look);
  }

  /** Takes over an upgraded socket, and the place that the gate gave it. */
  add(
    version: ProtocolVersion,
    webSocket: WebSocket,
    socket: Socket,
    principal: Principal | undefined,
    deflating: Deflating = 'none',
  ): Connection {
    const cohort = this.#delivery.unsubscribed(version, deflating !== 'none');
    const nowMs = performance.now();
    const connection = new Connection(this.#nextId++, version, webSocket, socket, cohort, nowMs);
    connection.principal = principal;
    connection.deflating = deflating;
    if (this.#maxLifetimeMs > 0) connection.endsMs = nowMs + jittered(this.#maxLifetimeMs);
    this.#open.add(connection);
    this.#delivery.add(connection);
    this.#counters.connectionsAccepted++;
    return connection;
  }

  /** Its socket is closed, with `code` if that was not our doing. */
  remove(connection: Connection, code: number): void {
    if (!this.#open.delete(connection)) return;
    this.#delivery.remove(connection);
    this.#gate.left(connection.socket, connection.principal?.user);
    const { closedAs } = connection;
    bump(this.#counters.closed, closedAs ?? 'client');
    const label = closedAs === undefined ? labelOf(code) : String(disconnects[closedAs].code);
    bump(this.#counters.closeCodes, label);
  }

  #check(): void {
    const nowMs = performance.now();
    for (const connection of this.#open) {
      const { principal } = connection;
      if (principal !== undefined && principal.expiresMs <= Date.now())
        this.#disconnect(connection, 'tokenExpired');
      else if (connection.endsMs <= nowMs) this.#disconnect(connection, 'lifetimeReached');
      else if (this.#isUnresponsive(connection, nowMs)) connection.terminate('unresponsive');
      else if (nowMs - connection.pingedMs >= this.#heartbeatMs) connection.ping(nowMs);
    }
  }

  /** Silence alone is no guilt: whoever was not asked, since this process stood still, has not answered. */
  #isUnresponsive({ seenMs, pingedMs }: Connection, nowMs: number): boolean {
    return seenMs < pingedMs && nowMs - seenMs > 2 * this.#heartbeatMs;
  }

  #disconnect(connection: Connection, name: DisconnectName): void {
    if (connection.isClosing) return;
    const fields = {
      reason: name,
      connection: connection.id,
      user: connection.principal?.user,
    };
    this.#audit.note('disconnected_by_policy', 'client disconnected', fields);
    connection.close(name);
  }
}

/** Clients may close with any code: those of the standard are told apart. */
function labelOf(code: number): string {
  return code >= 1_000 && code <= 1_015 ? String(code) : 'other';
}

/** Spread by a fifth to either side, so that those who came together do not leave together. */
function jittered(lifetimeMs: number): number {
  return lifetimeMs * (0.8 + 0.4 * Math.random());
}

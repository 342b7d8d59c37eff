/** NodeGate: what the primary answers shards that ask for places; limits count once per node. */
import { performance } from 'node:perf_hooks';
import type { RefusalCode } from '../../../protocol/refusals.ts';
import type { Verdict } from '../../clients/gate.ts';
import { addressKey } from '../../security/client-address.ts';
import type { ConnectionRates } from '../../security/connection-rates.ts';
import type { Devices } from '../../security/devices.ts';
import type { Slots } from './slots.ts';

/** What it decides by. */
export interface NodeGateParts {
  readonly slots: Slots;
  readonly rates: ConnectionRates;
  readonly devices: Devices;
  /** Whether the node is short of something, or leaving, and takes nobody. */
  readonly refusedFor: () => RefusalCode | undefined;
}

/** What a socket was given goes back when its shard says that it is closed, or is gone itself. */
export class NodeGate {
  readonly #parts: NodeGateParts;
  /** By shard and socket, whose place among the devices it has. */
  readonly #users = new Map<number, Map<number, string>>();

  constructor(parts: NodeGateParts) {
    this.#parts = parts;
  }

  /** A socket of a shard asks to be a connection, from `address`. */
  enter(shard: number, socket: number, address: string): Verdict {
    const { slots, rates, refusedFor } = this.#parts;
    const code = refusedFor();
    if (code !== undefined) return { code };
    const isIn =
      slots.opened(shard, socket) ||
      (slots.relieve(performance.now()) && slots.opened(shard, socket));
    if (!isIn) return { code: 'AT_CAPACITY' };
    return rates.take(addressKey(address), performance.now());
  }

  /** A connection that may enter says whose it is. */
  enterAs(shard: number, socket: number, user: string): Verdict {
    // It closed while its token was looked at: nothing would ever give its place back.
    if (!this.#parts.slots.isOpen(shard, socket)) return { code: 'BAD_HANDSHAKE' };
    if (!this.#parts.devices.take(user)) return { code: 'TOO_MANY_DEVICES', user };
    const users = this.#users.get(shard) ?? new Map<number, string>();
    this.#users.set(shard, users.set(socket, user));
    return undefined;
  }

  /** Sockets of a shard are closed. */
  closed(shard: number, sockets: readonly number[]): void {
    const users = this.#users.get(shard);
    for (const socket of sockets) {
      this.#parts.slots.closed(shard, socket);
      const user = users?.get(socket);
      if (user === undefined) continue;
      users?.delete(socket);
      this.#parts.devices.release(user);
    }
  }

  /** A shard is gone, and all of its sockets with it. */
  gone(shard: number): void {
    this.#parts.slots.remove(shard);
    for (const user of this.#users.get(shard)?.values() ?? []) this.#parts.devices.release(user);
    this.#users.delete(shard);
  }
}

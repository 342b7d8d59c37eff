/** Gate: who gets a place on this node. Each upgrade asks it, and says when the place is free again. */
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { RefusalCode } from '../../protocol/refusals.ts';
import type { Refusal } from '../security/admission.ts';
import { addressKey } from '../security/client-address.ts';
import type { ConnectionRates } from '../security/connection-rates.ts';
import type { Devices } from '../security/devices.ts';

/** Undefined: come in. */
export type Verdict = Refusal | undefined;

/** What the whole node knows and limits; in a shard, another process is asked. */
export interface Gate {
  /** Asks for a place for whoever is at the other end of a socket, at `address`. */
  enter(socket: Socket, address: string): Verdict | Promise<Verdict>;
  /** Asks for one of the places of its user, once it is known. */
  enterAs(socket: Socket, user: string): Verdict | Promise<Verdict>;
  /** Gives back what a socket was given: it is closed, or was refused after all. */
  left(socket: Socket, user: string | undefined): void;
}

/** What a {@link LocalGate} decides by. */
export interface GateParts {
  readonly limits: { readonly maxConnections: number };
  readonly rates: ConnectionRates;
  readonly devices: Devices;
  /** Whether the node is short of something, for which new clients are refused. */
  readonly overloadedFor: () => RefusalCode | undefined;
}

/** The gate of a node that is one process. */
export class LocalGate implements Gate {
  readonly #parts: GateParts;
  #taken = 0;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /** Places in use. */
  get taken(): number {
    return this.#taken;
  }

  enter(_socket: Socket, address: string): Verdict {
    const { limits, rates, overloadedFor } = this.#parts;
    if (this.#taken >= limits.maxConnections) return { code: 'AT_CAPACITY' };
    const overload = overloadedFor();
    if (overload !== undefined) return { code: overload };
    const refusal = rates.take(addressKey(address), performance.now());
    if (refusal === undefined) this.#taken++;
    return refusal;
  }

  enterAs(_socket: Socket, user: string): Verdict {
    return this.#parts.devices.take(user) ? undefined : { code: 'TOO_MANY_DEVICES', user };
  }

  left(_socket: Socket, user: string | undefined): void {
    this.#taken--;
    if (user !== undefined) this.#parts.devices.release(user);
  }
}

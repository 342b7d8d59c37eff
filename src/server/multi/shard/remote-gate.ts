/** RemoteGate: the gate of a shard; the primary knows what the whole node has room for. */
import type { Socket } from 'node:net';
import type { Gate, Verdict } from '../../clients/gate.ts';
import type { Asking } from '../link/asking.ts';
import type { Arrivals } from './arrivals.ts';

/** When the primary failed to answer, which is a fault of ours and passes. */
const notNow: Verdict = { code: 'WARMING_UP' };

/** Places are given back when a socket closes, which {@link Arrivals} tells the primary. */
export class RemoteGate implements Gate {
  readonly #asking: Asking;
  readonly #arrivals: Arrivals;
  readonly #ids = new WeakMap<Socket, number>();

  constructor(asking: Asking, arrivals: Arrivals) {
    this.#asking = asking;
    this.#arrivals = arrivals;
  }

  async enter(socket: Socket, address: string): Promise<Verdict> {
    const id = this.#arrivals.idOf(socket);
    // It closed before it was asked for; whatever is written to it goes nowhere.
    if (id === undefined) return { code: 'BAD_HANDSHAKE' };
    this.#ids.set(socket, id);
    return await this.#asking.ask('enter', { socket: id, address }).catch(() => notNow);
  }

  async enterAs(socket: Socket, user: string): Promise<Verdict> {
    const id = this.#ids.get(socket);
    if (id === undefined) return { code: 'BAD_HANDSHAKE' };
    return await this.#asking.ask('enterAs', { socket: id, user }).catch(() => notNow);
  }

  left(): void {}
}

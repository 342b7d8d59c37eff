/** A client that connects, and never asks for the upgrade: it keeps a socket of the server busy. */
import type { Socket } from 'node:net';
import { backoffMs } from '../../base/backoff.ts';
import { messageOf } from '../../base/errors.ts';
import type { ClientContext } from '../client/client-context.ts';
import { cut } from '../socket/dial.ts';
import { classify } from '../socket/error-classes.ts';

/** It comes back as soon as that, at the latest, when the server closed. */
const returnBackoff = { baseMs: 250, maxMs: 2_000 };

/** Counts as open while it is connected; what it reads means nothing. */
export class UnfinishedClient {
  /** It has no subscriptions. */
  readonly cursor = undefined;
  readonly #client: number;
  readonly #context: ClientContext;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #wasOpen = false;
  #isOpen = false;
  #stopping = false;

  /** `client` is its number in the whole test. */
  constructor(client: number, context: ClientContext) {
    this.#client = client;
    this.#context = context;
  }

  get connected(): boolean {
    return this.#socket !== undefined;
  }

  start(): void {
    const { dialer, readBuffer } = this.#context.shared;
    const { counters, errors } = this.#context;
    const socket = dialer.dial(this.#client, {
      buffer: readBuffer,
      callback: (size) => {
        counters.bytes += size;
        return true;
      },
    });
    this.#socket = socket;
    socket.on('connect', () => this.#opened());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      errors.add(classify(this.#isOpen ? 'upgrade' : 'connect', error), messageOf(error));
    });
    socket.on('close', () => this.#closed());
  }

  /** Nobody to ask. */
  askForTime(): boolean {
    return false;
  }

  /** Nothing to catch up with. */
  hurry(): void {}

  /** It never wanted to be let in. */
  giveUp(): void {}

  /** Goes for good. */
  stop(): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.destroy();
  }

  /** Goes when it has to. */
  leave(): void {
    const { counters } = this.#context;
    if (this.#isOpen) {
      counters.active--;
      counters.left++;
    }
    this.stop();
  }

  destroy(): void {
    if (this.#socket !== undefined) cut(this.#socket);
  }

  #opened(): void {
    const { counters } = this.#context;
    if (this.#wasOpen) counters.reconnected++;
    else counters.opened++;
    counters.active++;
    this.#wasOpen = true;
    this.#isOpen = true;
  }

  #closed(): void {
    const { counters, errors } = this.#context;
    this.#socket = undefined;
    if (this.#stopping) return;
    if (this.#isOpen) {
      counters.active--;
      counters.dropped++;
      errors.add('upgrade-closed', 'the server closed the socket');
    }
    this.#isOpen = false;
    const delayMs = backoffMs(this.#attempt++, returnBackoff);
    this.#timer = setTimeout(() => this.start(), delayMs);
  }
}

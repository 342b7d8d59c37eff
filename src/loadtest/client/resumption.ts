/** How a client goes on where it was: what it asks for when it is back, and what it is told. */
import { isObject } from '../../base/values.ts';
import type { Cursor } from '../delivery/cursor.ts';
import type { ClientContext } from './client-context.ts';
import type { ControlMessage } from './message-reader.ts';
import { type Since, sinceOf } from './resume.ts';

/** Of the server's limit, what is left for `channels` and what stands around. */
const sinceShare = 0.75;

/** The epoch of one client, and what its present connection was told to resume from. */
export class Resumption {
  readonly #cursor: Cursor;
  readonly #context: ClientContext;
  #epoch: string | undefined;
  #since: Since | undefined;
  #sinceEpoch: string | undefined;

  constructor(cursor: Cursor, context: ClientContext) {
    this.#cursor = cursor;
    this.#context = context;
  }

  /** A connection is upgraded: what to resume from; undefined for who starts anew, and all but v2. */
  begin(): Since | undefined {
    this.#context.counters.upgraded++;
    this.#since = this.#positions();
    // It asks for all of its subscriptions again.
    this.#cursor.times = undefined;
    this.#sinceEpoch = this.#epoch;
    return this.#since;
  }

  /** Takes what a `welcome` says: the server's epoch, and what it takes. */
  welcome({ epoch, limits }: ControlMessage['fields']): void {
    const messageBytes = isObject(limits) ? limits['message_bytes'] : undefined;
    if (typeof messageBytes === 'number') this.#context.shared.maxMessageBytes = messageBytes;
    if (typeof epoch !== 'string') return;
    this.#context.enterEpoch(epoch);
    if (this.#epoch !== undefined && this.#epoch !== epoch) this.#cursor.clear();
    this.#epoch = epoch;
  }

  /** Takes what the acknowledgement says about the positions that it was asked to resume from. */
  end(recovered: unknown): void {
    const { ledger, nowMs } = this.#context;
    if (this.#since === undefined || !isObject(recovered)) return ledger.restarted(this.#cursor);
    const isComplete = (subscription: string) => {
      const told = recovered[subscription];
      return isObject(told) && told['complete'] === true;
    };
    const incomplete = Object.keys(this.#since).filter((name) => !isComplete(name));
    if (this.#sinceEpoch !== this.#epoch) ledger.unrecoverable(incomplete.length);
    ledger.resumed(this.#cursor, isComplete, nowMs);
  }

  #positions(): Since | undefined {
    const { settings, shared } = this.#context;
    if (settings.protocol !== 'v2' || this.#epoch === undefined || !this.#cursor.hasPositions) {
      return undefined;
    }
    const maxBytes = shared.maxMessageBytes * sinceShare;
    return sinceOf(this.#cursor, shared.book, this.#epoch, maxBytes);
  }
}

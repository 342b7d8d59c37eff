/** One producer of a name at a time on NATS: each newer one is heard of by those before it. */
import { randomBytes } from 'node:crypto';
import { headers, type MsgHdrs, type Subscription } from '@nats-io/transport-node';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../host/log.ts';
import type { NatsLink } from './link.ts';

const rankHeader = 'odin-since';
const nodeHeader = 'odin-node';

/** What an {@link OnlyOne} is made of. */
export interface OnlyOneParts {
  readonly link: NatsLink;
  /** Beside the subjects of the stream, which does not hold it. */
  readonly subject: string;
  readonly log: Log;
  /** By which others know whom they have met. */
  readonly nodeId: string;
  /** Told once, when a newer one is there: its node and when it began, as ` (…)`, if it said so. */
  readonly onTakenOver: (who: string) => void;
}

/**
 * JetStream knows no fencing. So who opens says when it did, on a subject of the name; who hears of a
 * newer one yields, and who hears of an older one says again that it is the newer. It is said again
 * with each connection. This keeps bridges apart that run at once; records of one that stood still
 * for longer than the duplicate window of the stream could still be there twice.
 */
export class OnlyOne implements Disposable {
  readonly #parts: OnlyOneParts;
  /** Grows with time; the random part decides within a millisecond. */
  readonly #rank = `${Date.now().toString().padStart(15, '0')}.${randomBytes(6).toString('hex')}`;
  readonly #cleanUp = new DisposableStack();
  #subscription: Subscription | undefined;

  constructor(parts: OnlyOneParts) {
    this.#parts = parts;
  }

  /** Resolves when all who are connected have been told. Never rejects: without the right to, it logs. */
  async open(): Promise<void> {
    const { link, subject, log } = this.#parts;
    this.#subscription = link.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) return this.#hear(message.headers);
        const what = 'cannot hear of other bridges: if two run at once, neither ends';
        log.warn({ subject, error: messageOf(error) }, what);
      },
    });
    this.#cleanUp.defer(() => this.#subscription?.unsubscribe());
    this.#cleanUp.use(link.watch({ connected: () => this.#say() }));
    this.#say();
    await link.connection.flush().catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#cleanUp.dispose();
  }

  #say(): void {
    const { link, subject, nodeId } = this.#parts;
    const own = headers();
    own.set(rankHeader, this.#rank);
    own.set(nodeHeader, nodeId);
    try {
      link.connection.publish(subject, '', { headers: own });
    } catch {
      // Closed; nobody else hears us either.
    }
  }

  #hear(said: MsgHdrs | undefined): void {
    const rank = said?.get(rankHeader) ?? '';
    if (!/^\d{15}\./.test(rank) || rank === this.#rank) return;
    if (rank < this.#rank) return this.#say();
    this.#cleanUp.dispose();
    const began = new Date(Number(rank.slice(0, 15))).toISOString();
    const node = said?.get(nodeHeader).replaceAll(/[^\w.-]/g, '_') || 'unnamed';
    this.#parts.onTakenOver(` (${node}, since ${began})`);
  }
}

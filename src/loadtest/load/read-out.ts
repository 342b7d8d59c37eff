/** Slow clients that have to go: each reads first what came until then, for as long as that may take. */
import { arrivalMs } from '../client/channel-churn.ts';
import type { VirtualClient } from '../client/virtual-client.ts';
import type { WorkerShared } from '../client/worker-shared.ts';
import type { NewestEvent } from '../delivery/channel-book.ts';
import type { SequenceLedger } from '../delivery/sequence-ledger.ts';
import { epochMs } from '../run-clock.ts';

interface Reader {
  readonly client: VirtualClient;
  readonly ledger: SequenceLedger;
  /** What it should have when it goes. */
  readonly targets: readonly NewestEvent[];
  readonly untilMs: number;
}

/** What is there to be read is looked up, and who has read it all, this often. */
const lookMs = 100;

/** Those of one worker. Nobody knows of what waits unread whether it is lost. */
export class ReadOut {
  readonly #shared: Pick<WorkerShared, 'book' | 'catchUp'>;
  readonly #leave: (client: VirtualClient) => void;
  readonly #readers = new Set<Reader>();
  #timer: NodeJS.Timeout | undefined;
  #newest = { atMs: Number.NEGATIVE_INFINITY, events: [] as readonly NewestEvent[] };

  /** `leave` is called with each once it may go. */
  constructor(
    shared: Pick<WorkerShared, 'book' | 'catchUp'>,
    leave: (client: VirtualClient) => void,
  ) {
    this.#shared = shared;
    this.#leave = leave;
  }

  /** Whether nobody reads any more. */
  get isOver(): boolean {
    return this.#readers.size === 0;
  }

  /** Lets a client read on, until it has all that came so far, or 2 s are over. */
  begin(client: VirtualClient, ledger: SequenceLedger): void {
    const nowMs = epochMs();
    if (nowMs - this.#newest.atMs >= lookMs) {
      this.#newest = { atMs: nowMs, events: this.#shared.book.newest() };
    }
    client.hurry();
    const targets = this.#newest.events;
    this.#readers.add({ client, ledger, targets, untilMs: nowMs + arrivalMs });
    this.#timer ??= setTimeout(() => this.#look(), lookMs);
  }

  /** All have had their time: what they have not read by now is lost. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const reader of this.#readers) this.#end(reader);
  }

  #look(): void {
    const nowMs = epochMs();
    for (const reader of this.#readers) {
      const { client, ledger, targets, untilMs } = reader;
      // Of its first moments nothing is expected, whatever still waits for it.
      const hasAll = this.#shared.catchUp.isIdle && ledger.hasAll([client.cursor], targets);
      if (nowMs >= untilMs || hasAll) this.#end(reader);
    }
    this.#timer = this.isOver ? undefined : setTimeout(() => this.#look(), lookMs);
  }

  #end(reader: Reader): void {
    this.#readers.delete(reader);
    reader.ledger.closeTail([reader.client.cursor], reader.targets);
    this.#leave(reader.client);
  }
}

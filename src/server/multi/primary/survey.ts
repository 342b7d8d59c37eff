/** Survey: asks all shards something, and waits for those that answer soon. */

import type { Addressees } from './supervisor.ts';

/** How long a question waits for shards that do not answer, in milliseconds. */
const patienceMs = 500;

/** What came of a question. */
export interface Surveyed<Answer> {
  readonly answers: readonly Answer[];
  /** Shards that have clients and did not answer. */
  readonly silent: readonly number[];
}

interface Open<Answer> {
  readonly missing: Set<number>;
  readonly answers: Answer[];
  readonly done: () => void;
}

/** Questions may overlap; each has an id. */
export class Survey<Question, Answer> {
  readonly #ask: (id: number, question: Question) => Addressees;
  readonly #open = new Map<number, Open<Answer>>();
  #asked = 0;

  /** `ask` asks all shards that can answer, and says which. */
  constructor(ask: (id: number, question: Question) => Addressees) {
    this.#ask = ask;
  }

  /** The answers that came in time. Never rejects. */
  async ask(question: Question): Promise<Surveyed<Answer>> {
    const id = ++this.#asked;
    const { promise, resolve } = Promise.withResolvers<void>();
    const open: Open<Answer> = { missing: new Set(), answers: [], done: resolve };
    this.#open.set(id, open);
    const { asked, silent } = this.#ask(id, question);
    for (const shard of asked) open.missing.add(shard);
    if (open.missing.size === 0) resolve();
    const timer = setTimeout(resolve, patienceMs);
    await promise;
    clearTimeout(timer);
    this.#open.delete(id);
    return { answers: open.answers, silent: [...silent, ...open.missing] };
  }

  /** A shard has answered. */
  heard(shard: number, id: number, answer: Answer): void {
    const open = this.#open.get(id);
    if (open?.missing.delete(shard) !== true) return;
    open.answers.push(answer);
    if (open.missing.size === 0) open.done();
  }

  /** A shard will not answer any more. */
  gone(shard: number): void {
    for (const { missing, done } of this.#open.values()) {
      if (missing.delete(shard) && missing.size === 0) done();
    }
  }
}

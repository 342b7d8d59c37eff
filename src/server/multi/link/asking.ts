/** Asking: questions to another process, each with the promise of an answer. */
import type { Answered, Asked, Questions } from './shard-messages.ts';

/** What a shard asks the primary. The process ends when the link does, so no question waits for ever. */
export class Asking {
  readonly #send: (message: Asked) => void;
  readonly #waiting = new Map<number, (answer: Answered) => void>();
  #nextId = 1;

  constructor(send: (message: Asked) => void) {
    this.#send = send;
  }

  /** Rejects when answering failed on the other side. */
  ask<Q extends keyof Questions>(
    question: Q,
    asks: Questions[Q]['asks'],
  ): Promise<Questions[Q]['gets']> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ gets, error }) => {
        if (error === undefined) resolve(gets as Questions[Q]['gets']);
        else reject(new Error(error));
      });
      this.#send({ kind: 'ask', id, question, asks });
    });
  }

  answered(answer: Answered): void {
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }
}

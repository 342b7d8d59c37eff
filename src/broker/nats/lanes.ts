/** Records that wait to be sent, one lane for each subject: what is in a lane keeps its order. */
import { RemoteError } from '../../base/errors.ts';
import type { OutgoingRecord } from '../broker.ts';

/** A message on its way. */
export interface Message {
  readonly subject: string;
  readonly record: OutgoingRecord;
  /** The stream knows a repeat by it. */
  readonly id: string;
  /** When it was given to us, by `performance.now()`. */
  readonly sinceMs: number;
}

interface Call {
  left: number;
  isDead: boolean;
  resolve(): void;
  reject(error: Error): void;
}

interface Waiting {
  readonly message: Message;
  readonly call: Call;
}

/** Limits of {@link Lanes}. */
export interface LaneLimits {
  /** Messages that may be under way at a time, over all lanes. */
  readonly maxUnderWay: number;
  /** Messages that may wait; further ones are refused. */
  readonly maxWaiting: number;
}

/** A message that was taken out, and what to say when its fate is known. */
export interface Turn {
  readonly message: Message;
  done(): void;
  /** Rejects the call that brought it; what else that call brought and still waits is not sent. */
  failed(error: Error): void;
}

/**
 * A lane lets one message at a time go: two that are under way at once may come in the wrong order
 * when the first has to be sent again.
 */
export class Lanes {
  /** Calls that were turned away because too much was waiting. */
  refused = 0;
  readonly #limits: LaneLimits;
  /** Lanes with something waiting or under way. */
  readonly #lanes = new Map<string, Waiting[]>();
  /** Lanes whose turn it is. */
  #ready: string[] = [];
  #waiting = 0;
  #underWay = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#waiting === 0 && this.#underWay === 0;
  }

  /** Settles as its messages do. Throws a RemoteError when too many wait. */
  async add(messages: readonly Message[]): Promise<void> {
    const { maxWaiting } = this.#limits;
    if (this.#waiting + messages.length > maxWaiting) {
      this.refused += 1;
      throw new RemoteError(`more than ${maxWaiting} records wait for the broker`, {
        hint: 'the broker takes less than is published: lower the rate',
      });
    }
    await new Promise<void>((resolve, reject) => {
      const call: Call = { left: messages.length, isDead: false, resolve, reject };
      for (const message of messages) this.#append({ message, call });
    });
  }

  /** The next message that may go; undefined when there is none. */
  take(): Turn | undefined {
    while (this.#underWay < this.#limits.maxUnderWay) {
      const subject = this.#ready.shift();
      if (subject === undefined) return undefined;
      const first = this.#lanes.get(subject)!.shift();
      if (first === undefined) {
        this.#lanes.delete(subject);
        continue;
      }
      const { message, call } = first;
      this.#waiting -= 1;
      if (call.isDead) {
        this.#free(subject);
        continue;
      }
      this.#underWay += 1;
      return {
        message,
        done: () => {
          this.#finish(subject);
          call.left -= 1;
          if (call.left === 0) call.resolve();
        },
        failed: (error) => {
          call.isDead = true;
          call.reject(error);
          this.#finish(subject);
        },
      };
    }
    return undefined;
  }

  /** Rejects the calls of messages that wait since before `ms`; whether there were any. */
  rejectOlder(ms: number, error: Error): boolean {
    const before = this.#waiting;
    for (const lane of this.#lanes.values()) {
      const fresh = lane.findIndex(({ message }) => message.sinceMs >= ms);
      const old = lane.splice(0, fresh === -1 ? lane.length : fresh);
      this.#waiting -= old.length;
      for (const { call } of old) {
        call.isDead = true;
        call.reject(error);
      }
    }
    return this.#waiting < before;
  }

  /** Rejects everything that waits. */
  rejectAll(error: Error): void {
    for (const lane of this.#lanes.values()) {
      for (const { call } of lane) {
        call.isDead = true;
        call.reject(error);
      }
    }
  }

  #append(waiting: Waiting): void {
    const { subject } = waiting.message;
    this.#waiting += 1;
    const lane = this.#lanes.get(subject);
    if (lane === undefined) {
      this.#lanes.set(subject, [waiting]);
      this.#ready.push(subject);
    } else lane.push(waiting);
  }

  #finish(subject: string): void {
    this.#underWay -= 1;
    this.#free(subject);
  }

  #free(subject: string): void {
    if (this.#lanes.get(subject)!.length > 0) this.#ready.push(subject);
    else this.#lanes.delete(subject);
  }
}

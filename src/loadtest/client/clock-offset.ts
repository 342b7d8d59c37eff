/** How far the server's clock is ahead of this machine's, from its answers to heartbeats. */
import { maskedFrameOf, opcodes } from '../../protocol/websocket-frame.ts';

/** Any four bytes will do, see {@link maskedFrameOf}. */
const mask = 0x6f64696e;

/** A heartbeat as a whole frame; the server answers it with its time. */
export const timeRequestFrame = maskedFrameOf(
  Buffer.from('{"type":"heartbeat"}'),
  mask,
  opcodes.text,
);

/** An estimate of the offset of the server's clock. */
export interface ClockOffset {
  /** The server's clock minus this one, in milliseconds. */
  readonly offsetMs: number;
  /** The true offset lies within `offsetMs` ± this, however uneven the ways there and back. */
  readonly uncertaintyMs: number;
  /** The shortest round trip; the estimate is from it. */
  readonly roundTripMs: number;
  /** Answers that were looked at. */
  readonly samples: number;
}

/** Servers tell whole milliseconds, rounded down: on average half of one is missing. */
const wholeMs = 0.5;

/**
 * Keeps the answer with the shortest round trip, which bounds the offset best: the server read its
 * clock somewhere between the sending and the answer.
 */
export class ClockEstimator {
  readonly #roundingMs: number;
  #offsetMs = 0;
  #roundTripMs = Number.POSITIVE_INFINITY;
  #samples = 0;

  /** `roundingMs`: what is missing of the times that are told, on average; as much may be. */
  constructor(roundingMs = wholeMs) {
    this.#roundingMs = roundingMs;
  }

  /** Takes an answer: `serverMs` is what it tells, the others are this machine's, since 1970. */
  add(sentMs: number, receivedMs: number, serverMs: number): void {
    const roundTripMs = receivedMs - sentMs;
    this.#samples++;
    if (!(roundTripMs >= 0 && roundTripMs < this.#roundTripMs)) return;
    this.#roundTripMs = roundTripMs;
    this.#offsetMs = serverMs + this.#roundingMs - (sentMs + receivedMs) / 2;
  }

  /** Undefined before the first answer. */
  get estimate(): ClockOffset | undefined {
    if (!Number.isFinite(this.#roundTripMs)) return undefined;
    return {
      offsetMs: this.#offsetMs,
      uncertaintyMs: this.#roundTripMs / 2 + this.#roundingMs,
      roundTripMs: this.#roundTripMs,
      samples: this.#samples,
    };
  }
}

/** The best of several estimates of one clock. */
export function bestOffset(estimates: readonly ClockOffset[]): ClockOffset | undefined {
  const [best] = estimates.toSorted((a, b) => a.uncertaintyMs - b.uncertaintyMs);
  if (best === undefined) return undefined;
  return { ...best, samples: estimates.reduce((sum, { samples }) => sum + samples, 0) };
}

/** Deflater: flushes as permessage-deflate sends them, made once for all who get the same. */
import { performance } from 'node:perf_hooks';
import { constants, deflateRawSync } from 'node:zlib';
import { frameOf, messagesIn, opcodes, reservedBit1 } from '../../protocol/websocket-frame.ts';
import type { Counters } from '../reporting/counters.ts';
import type { FlushContext } from './flush-context.ts';

/** Levels of zlib, chosen by measurement: 64 KiB take 0.4 ms at level 1 and 0.8 ms at level 6. */
const levels = { alone: 1, inContext: 6 };
/** `00 00 ff ff`, which ends a flushed block and which RFC 7692 §7.2.1 leaves out. */
const trailerBytes = 4;

const nothing = Buffer.alloc(0);

/** One flush of a cohort whose members share a context. */
export interface DeflatedFlush {
  /** For members that have the whole context. */
  readonly inContext: Buffer;
  /** For those that have not: the same payloads, deflated without it. Made when first asked for. */
  readonly alone: () => Buffer;
}

/** Deflates synchronously: a flush takes some 30 µs, less than a trip to the thread pool. */
export class Deflater {
  readonly #minBytes: number;
  readonly #counters: Counters;

  /** Flushes below `minBytes` of payload are left alone, unless they have a context. */
  constructor(minBytes: number, counters: Counters) {
    this.#minBytes = minBytes;
    this.#counters = counters;
  }

  /** The frames in `raw`, each deflated for itself where that saves something. */
  alone(raw: Buffer): Buffer {
    const isWorthwhile = raw.length >= this.#minBytes;
    const frames = isWorthwhile
      ? messagesIn(raw).map((payload) => this.#smaller(payload, nothing) ?? frameOf(payload))
      : [raw];
    return this.#finished(raw, frames);
  }

  /** The frames in `raw`, deflated with a context, to which they are then added. */
  inContext(raw: Buffer, context: FlushContext): DeflatedFlush {
    const payloads = messagesIn(raw);
    const isDeflated: boolean[] = [];
    const frames = payloads.map((payload) => {
      const frame = this.#smaller(payload, context.window);
      isDeflated.push(frame !== undefined);
      if (frame !== undefined) context.append(payload);
      return frame ?? frameOf(payload);
    });
    let alone: Buffer | undefined;
    return {
      inContext: this.#finished(raw, frames),
      // A message enters the windows of all members or of none: here it is deflated at any price.
      alone: () => {
        alone ??= Buffer.concat(
          payloads.map((payload, i) =>
            isDeflated[i] ? deflatedFrame(this.#deflate(payload, nothing)) : frameOf(payload),
          ),
        );
        return alone;
      },
    };
  }

  #finished(raw: Buffer, frames: readonly Buffer[]): Buffer {
    const bytes = frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
    if (bytes.length < raw.length) this.#counters.flushesDeflated++;
    else this.#counters.flushesNotDeflated++;
    return bytes;
  }

  #smaller(payload: Buffer, dictionary: Buffer): Buffer | undefined {
    const deflated = this.#deflate(payload, dictionary);
    return deflated.length < payload.length ? deflatedFrame(deflated) : undefined;
  }

  #deflate(payload: Buffer, dictionary: Buffer): Buffer {
    const startedMs = performance.now();
    const deflated = deflateRawSync(payload, {
      level: dictionary.length > 0 ? levels.inContext : levels.alone,
      // The sender's window stays open: no block says that it is the last.
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(dictionary.length > 0 ? { dictionary } : {}),
    });
    this.#counters.deflateMs += performance.now() - startedMs;
    const length = deflated.length - trailerBytes;
    this.#counters.deflateInputBytes += payload.length;
    this.#counters.deflateOutputBytes += length;
    return deflated.subarray(0, length);
  }
}

function deflatedFrame(deflated: Buffer): Buffer {
  return frameOf(deflated, opcodes.text | reservedBit1);
}

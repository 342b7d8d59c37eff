/** FlushBuffers: what one flush has built, so that cohorts that get the same share its bytes. */

import type { Deflater } from '../compression/deflater.ts';
import type { Counters } from '../reporting/counters.ts';
import { joinV2 } from './batch.ts';
import type { Frame } from './channel.ts';

interface Built {
  readonly shared: Buffer;
  deflated: Buffer | undefined;
}

/** Lives for one flush, and holds at most a buffer or two for each cohort. */
export class FlushBuffers {
  readonly #deflater: Deflater;
  readonly #counters: Counters;
  readonly #built = new Map<string, Built>();

  constructor(deflater: Deflater, counters: Counters) {
    this.#deflater = deflater;
    this.#counters = counters;
  }

  /** The v2 bytes of `frames`. */
  shared(frames: readonly Frame[]): Buffer {
    return this.#builtFor(frames).shared;
  }

  /** The same, deflated without a context where that saves something. */
  deflated(frames: readonly Frame[]): Buffer {
    const built = this.#builtFor(frames);
    built.deflated ??= this.#deflater.alone(built.shared);
    return built.deflated;
  }

  #builtFor(frames: readonly Frame[]): Built {
    let key = '';
    for (const frame of frames) key += `${frame.index} `;
    let built = this.#built.get(key);
    if (built === undefined) {
      built = { shared: joinV2(frames), deflated: undefined };
      this.#built.set(key, built);
      this.#counters.buffersBuilt++;
    }
    return built;
  }
}

/** LogOutput: where a log is written to; it holds up nobody, and counts the lines that found no room. */
import { Writable } from 'node:stream';
import type { Output } from './host.ts';

/** Bytes that wait for whoever reads the log and does not; what comes then is lost. */
const maxWaiting = 1_048_576;

let lostInAll = 0;

/** Lines that the logs of this process could not write, since it started. */
export function logLinesLost(): number {
  return lostInAll;
}

/** Takes every line at once. The output may be stuck, full or closed: it must not fail for that. */
export class LogOutput extends Writable {
  readonly #output: Output;
  readonly #onRoom: (lost: number) => void;
  #untold = 0;

  /** `onRoom` is told how many lines were lost, when lines are written again. */
  constructor(output: Output, onRoom: (lost: number) => void) {
    super({ decodeStrings: false });
    this.#output = output;
    this.#onRoom = onRoom;
  }

  override _write(line: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#output.writableLength > maxWaiting) this.#lose();
    else this.#output.write(line, (error) => (error ? this.#lose() : this.#wrote()));
    done();
  }

  #lose(): void {
    lostInAll++;
    this.#untold++;
  }

  #wrote(): void {
    // It needs room, too.
    if (this.#untold === 0 || this.#output.writableLength > maxWaiting / 2) return;
    const lost = this.#untold;
    this.#untold = 0;
    this.#onRoom(lost);
  }
}

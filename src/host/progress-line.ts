/** Progress on stderr: one line that is rewritten on a terminal, plain lines elsewhere. */
import { Writable } from 'node:stream';
import type { Output } from './host.ts';

/** Shows the state of something that runs. Disposing it leaves the cursor on a fresh line. */
export interface ProgressLine extends Disposable {
  show(line: string): void;
  /** For what else is written there, a log: the line makes way, and the next `show` is below. */
  readonly beside: Output;
}

/** Progress on `output`. Off a terminal every call is a line of its own. */
export function createProgressLine(output: Output): ProgressLine {
  let isOpen = false;
  const beside = new Writable({
    write(chunk, _encoding, done) {
      if (isOpen) output.write('\r\u001B[K');
      isOpen = false;
      output.write(chunk);
      done();
    },
  });
  return {
    beside: Object.assign(beside, { isTTY: output.isTTY === true }),
    show(line) {
      if (output.isTTY !== true) return void output.write(`${line}\n`);
      // One column stays free: a full line would wrap and the next one could not replace it.
      output.write(`\r\u001B[K${line.slice(0, (output.columns ?? 80) - 1)}`);
      isOpen = true;
    },
    [Symbol.dispose]() {
      if (isOpen) output.write('\n');
      isOpen = false;
    },
  };
}

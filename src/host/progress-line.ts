/** Progress on stderr: one line that is rewritten on a terminal, plain lines elsewhere. */
import type { Output } from './host.ts';

/** Shows the state of something that runs. Disposing it leaves the cursor on a fresh line. */
export interface ProgressLine extends Disposable {
  show(line: string): void;
}

/** Progress on `output`. Off a terminal every call is a line of its own. */
export function createProgressLine(output: Output): ProgressLine {
  let isOpen = false;
  return {
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

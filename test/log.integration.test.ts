/** What becomes of a log that nobody reads, that is closed, or that finds no room: nothing is lost in silence. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('support/log-writer.ts', import.meta.url));

/** A process that logs; `logs` resolves with how many of its lines are lost by then. */
function startWriter(format: 'json' | 'pretty', stderr: 'pipe' | number = 'pipe') {
  const child: ChildProcess = spawn(process.execPath, [script, format], {
    stdio: ['pipe', 'pipe', stderr],
  });
  const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    child,
    async logs(lines: number) {
      child.stdin!.write(`${lines}\n`);
      return Number((await answers.next()).value);
    },
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}

test.each(['json', 'pretty'] as const)(
  'lines in %s that nobody reads are bounded, and told when somebody does',
  async (format) => {
    using writer = startWriter(format);
    expect(await writer.logs(3_000)).toBeGreaterThan(0);
    const lost = await writer.logs(10);
    let read = 0;
    for await (const line of createInterface({ input: writer.child.stderr! })) {
      if (line.includes('a line')) read++;
      if (line.includes('lines of this log were lost')) break;
    }
    expect(read).toBe(3_010 - lost);
    writer.child.stderr!.resume();
    expect(await writer.logs(10)).toBe(lost);
  },
);

test.each(['json', 'pretty'] as const)(
  'lines in %s to a reader that has gone are counted',
  async (format) => {
    using writer = startWriter(format);
    expect(await writer.logs(1)).toBe(0);
    writer.child.stderr!.destroy();
    expect(await writer.logs(10)).toBe(10);
    expect(await writer.logs(3_000)).toBe(3_010);
  },
);

test('lines for which there is no room on the device are counted', async () => {
  const full = openSync('/dev/full', 'w');
  using writer = startWriter('json', full);
  closeSync(full);
  expect(await writer.logs(10)).toBe(10);
});

/** Results on stdout: JSON or lines; waits for a slow reader instead of buffering without end. */
import { once } from 'node:events';
import type { Output } from './host.ts';

/** Writes text and waits until the reader took it; does nothing when the reader has gone away. */
export async function write(output: Output, text: string): Promise<void> {
  // After EPIPE standard output is not destroyed, but it keeps all that is written and never drains.
  if (!output.writable || output.write(text)) return;
  if (output.writable) await once(output, 'drain').catch(() => undefined);
}

/** Writes one line. */
export function writeLine(output: Output, line: string): Promise<void> {
  return write(output, `${line}\n`);
}

/** Writes a value as indented JSON. */
export function writeJson(output: Output, value: unknown): Promise<void> {
  return write(output, `${JSON.stringify(value, null, 2)}\n`);
}

/** Rows as aligned columns; numbers (digits and spaces) stand right, but for the last column. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = header.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const width = widths[column] as number;
        const isLast = column === header.length - 1;
        return /^[\d ]+$/.test(cell) && !isLast ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [line(header), ...rows.map(line)].join('\n');
}

/** A report as JSON that both programs and people can read: short things stay on one line. */
import type { LoadTestReport } from '../results/report.ts';

/** Lines beyond this are broken, except for lists of numbers. */
const maxColumns = 200;

/** The report as JSON, with a line break at its end. */
export function jsonReport(report: LoadTestReport): string {
  return `${format(report, '')}\n`;
}

function format(value: unknown, indent: string): string {
  const line = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || isFlat(value, line)) return line;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((item) => `${inner}${format(item, inner)}`);
    return `[\n${items.join(',\n')}\n${indent}]`;
  }
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${inner}${JSON.stringify(key)}: ${format(item, inner)}`);
  return `{\n${entries.join(',\n')}\n${indent}}`;
}

function isFlat(value: object, line: string): boolean {
  const items = Object.values(value);
  if (items.length === 0) return true;
  if (Array.isArray(value) && items.every((item) => typeof item === 'number')) return true;
  // A point of the series is one line, however long.
  const isPlain = items.every((item) => typeof item !== 'object' || item === null);
  return isPlain && (line.length <= maxColumns || 'elapsedMs' in value);
}

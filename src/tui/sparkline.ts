/** Sparkline: the course of a figure in one row of text. */
import type { Glyphs } from './glyphs.ts';

/**
 * The last `columns` values, oldest first, from 0 to `max` (unless given, the largest of them). A
 * value that is not known is a blank; one above 0 is never drawn as lowest.
 */
export function sparkline(
  values: readonly (number | undefined)[],
  columns: number,
  { spark }: Pick<Glyphs, 'spark'>,
  max?: number,
): string {
  const shown = columns > 0 ? values.slice(-columns) : [];
  const known = shown.filter((value) => value !== undefined);
  const top = max ?? Math.max(0, ...known);
  const heights = spark.length - 1;
  const cells = shown.map((value) => {
    if (value === undefined || Number.isNaN(value)) return ' ';
    if (top <= 0 || value <= 0) return spark[0];
    return spark[Math.min(heights, Math.max(1, Math.round((value / top) * heights)))];
  });
  return cells.join('').padStart(columns);
}

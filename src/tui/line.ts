/** Line: a row of toned text, one cell per character, before anything draws it. */

/** What a piece of text means; colour is never the only sign of it. */
export type Tone = 'plain' | 'dim' | 'strong' | 'good' | 'warn' | 'bad' | 'accent' | 'chosen';

/** A piece of a line. */
export interface Span {
  readonly text: string;
  /** Plain unless given. */
  readonly tone?: Tone;
}

/** One row of the screen. */
export type Line = readonly Span[];

/** A line of one piece. */
export function line(text: string, tone: Tone = 'plain'): Line {
  return [{ text, tone }];
}

/** Cells that a line takes. */
export function widthOf(spans: Line): number {
  return spans.reduce((sum, { text }) => sum + text.length, 0);
}

/** The text alone. */
export function textOf(spans: Line): string {
  return spans.map(({ text }) => text).join('');
}

/** A line of at most `columns` cells; what is cut off shows as `ellipsis`. */
export function cutTo(spans: Line, columns: number, ellipsis = '…'): Line {
  if (widthOf(spans) <= columns) return spans;
  let room = Math.max(0, columns - ellipsis.length);
  const kept: Span[] = [];
  for (const span of spans) {
    const text = span.text.slice(0, room);
    kept.push({ ...span, text });
    room -= text.length;
    if (room === 0) break;
  }
  return columns < ellipsis.length ? kept : [...kept, { text: ellipsis, tone: 'dim' }];
}

/** A line of exactly `columns` cells: cut, or filled up with spaces. */
export function padTo(spans: Line, columns: number, ellipsis = '…'): Line {
  const cut = cutTo(spans, columns, ellipsis);
  const missing = columns - widthOf(cut);
  return missing > 0 ? [...cut, { text: ' '.repeat(missing) }] : cut;
}

/** Two lines on one row, one at each end; the left one is cut where they meet. */
export function spread(left: Line, right: Line, columns: number, ellipsis = '…'): Line {
  const room = columns - widthOf(right);
  return room < 1
    ? cutTo(left, columns, ellipsis)
    : [...padTo(left, room - 1, ellipsis), { text: ' ' }, ...right];
}

/**
 * Text from elsewhere, with one cell per character: no control characters, which could drive the
 * terminal, and none that are wide or combine.
 */
export function printable(text: string): string {
  // Letters of one cell: Latin, Greek, Cyrillic; dashes, quotes and the like; arrows and blocks.
  return text.replace(
    /[^\u0020-\u007E\u00A1-\u00AC\u00AE-\u02FF\u0370-\u0482\u048A-\u052F\u2010-\u2027\u2030-\u205E\u2190-\u21FF\u2500-\u25FF]/gu,
    '?',
  );
}

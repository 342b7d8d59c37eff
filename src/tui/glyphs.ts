/** Glyphs: the signs that are drawn, for terminals that know Unicode and for those that do not. */

/** One set of signs; each is one cell wide but for the ellipsis. */
export interface Glyphs {
  /** Heights of a sparkline, lowest first. */
  readonly spark: readonly string[];
  readonly ellipsis: string;
  readonly rule: string;
  /** Full and empty part of a bar. */
  readonly bar: readonly [full: string, empty: string];
  readonly ascending: string;
  readonly descending: string;
  /** In front of the row that is chosen. */
  readonly chosen: string;
  readonly good: string;
  readonly warn: string;
  readonly bad: string;
  readonly separator: string;
}

/** For terminals with block elements. */
export const unicodeGlyphs: Glyphs = {
  spark: [...'▁▂▃▄▅▆▇█'],
  ellipsis: '…',
  rule: '─',
  bar: ['█', '░'],
  ascending: '▲',
  descending: '▼',
  chosen: '▶',
  good: '●',
  warn: '▲',
  bad: '✖',
  separator: '·',
};

/** For all others. */
export const asciiGlyphs: Glyphs = {
  spark: [...'_.-=+*#@'],
  ellipsis: '~',
  rule: '-',
  bar: ['#', '.'],
  ascending: '^',
  descending: 'v',
  chosen: '>',
  good: '+',
  warn: '!',
  bad: 'x',
  separator: '|',
};

/** What the terminal can show, by its locale; the Linux console and dumb ones have few signs. */
export function glyphsFor(env: Readonly<Record<string, string | undefined>>): Glyphs {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const hasUnicode = /utf-?8/i.test(locale) && !/^(dumb|linux)$/.test(env['TERM'] ?? '');
  return hasUnicode ? unicodeGlyphs : asciiGlyphs;
}

import { expect, test } from 'vitest';
import { asciiGlyphs, glyphsFor, unicodeGlyphs } from './glyphs.ts';
import { cutTo, line, padTo, printable, spread, textOf, widthOf } from './line.ts';
import { createPaint } from './paint.ts';
import { sparkline } from './sparkline.ts';

test('a line is cut with a sign of it, and filled up', () => {
  const long = [{ text: 'abc' }, { text: 'defg', tone: 'good' as const }];
  expect(textOf(cutTo(long, 5))).toBe('abcd…');
  expect(textOf(cutTo(long, 7))).toBe('abcdefg');
  expect(textOf(cutTo(long, 0))).toBe('');
  expect(textOf(padTo(line('ab'), 4))).toBe('ab  ');
  expect(textOf(spread(line('left'), line('right'), 12))).toBe('left   right');
  expect(textOf(spread(line('a long left side'), line('right'), 12))).toBe('a lon… right');
  expect(widthOf(spread(line('left'), line('far too long'), 5))).toBeLessThanOrEqual(5);
});

test('text from elsewhere cannot drive the terminal, and has one cell per character', () => {
  expect(printable('a\u001B[2Jb\u009B31mc\u0007')).toBe('a?[2Jb?31mc?');
  expect(printable('Ωmega — Zürich …')).toBe('Ωmega — Zürich …');
  expect(printable('価格😀e\u0301')).toBe('???e?');
});

test('colours are those of the terminal, or none at all', () => {
  const spans = [{ text: 'ok', tone: 'good' as const }, { text: ' plain' }];
  expect(createPaint(false)(spans)).toBe('ok plain');
  expect(createPaint(true)(spans)).toBe('\u001B[32mok\u001B[39m plain');
});

test.each([
  [{ LANG: 'C.UTF-8', TERM: 'xterm' }, unicodeGlyphs],
  [{ LANG: 'en_US.utf8', LC_ALL: '', TERM: 'tmux-256color' }, unicodeGlyphs],
  [{ LANG: 'C.UTF-8', LC_ALL: 'C', TERM: 'xterm' }, asciiGlyphs],
  [{ LANG: 'C.UTF-8', TERM: 'linux' }, asciiGlyphs],
  [{ LANG: 'C.UTF-8', TERM: 'dumb' }, asciiGlyphs],
  [{ TERM: 'xterm' }, asciiGlyphs],
])('%o chooses the signs', (env, glyphs) => {
  expect(glyphsFor(env)).toBe(glyphs);
});

test('all signs of the plain set are ASCII, and each takes one cell', () => {
  const all = Object.values(asciiGlyphs).flat();
  expect(all.every((sign) => /^[\x20-\x7e]$/.test(sign))).toBe(true);
});

test('a sparkline shows the newest values, low ones too, and blanks for what is not known', () => {
  expect(sparkline([0, 1, 50, 100], 4, unicodeGlyphs)).toBe('▁▂▅█');
  expect(sparkline([9, 9, undefined, 3], 3, unicodeGlyphs)).toBe('█ ▃');
  expect(sparkline([1], 3, asciiGlyphs)).toBe('  @');
  expect(sparkline([50], 1, unicodeGlyphs, 100)).toBe('▅');
  expect(sparkline([0, 0], 2, unicodeGlyphs)).toBe('▁▁');
  expect(sparkline([1, 2], 0, unicodeGlyphs)).toBe('');
});

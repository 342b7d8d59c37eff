/** Text of others on a terminal: it shows, and does nothing else. */

/** One line, in which nothing can drive the terminal or turn the direction of what follows. */
export function terminalLine(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\t\n\r]+/g, ' ')
    .replace(/[\p{Cc}\u{200E}\u{200F}\u{202A}-\u{202E}\u{2066}-\u{2069}]/gu, '\uFFFD');
}

/** Without its middle where it is wider: names of one kind begin alike, and differ in their ends. */
export function shortened(text: string, width: number, ellipsis = '…'): string {
  if (text.length <= width) return text;
  const kept = Math.max(0, width - ellipsis.length);
  const head = Math.ceil(kept / 2);
  return text.slice(0, head) + ellipsis + text.slice(text.length - (kept - head));
}

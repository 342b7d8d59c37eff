/** Texts for people in lines of a width: broken between words, and figures not parted from their names. */

/** Lines that one text may take where there are 80 columns; more of them where there are fewer. */
const maxFolds = 4;
/** A space between words, and not one behind a number: that belongs to what it counts. */
const wordGap = /(?<!(?<!\S)\d+) /;

/** A text behind its name, broken into a few lines at most; the last one may then be too long. */
export function foldedLines(name: string, text: string, columns: number): string[] {
  const room = columns - name.length;
  // Where two spaces stand between figures, these are not to be parted from their names.
  const gap = text.includes('  ') ? '  ' : ' ';
  const most = maxFolds * Math.max(1, Math.floor(80 / columns));
  const [first = '', ...words] = text.split(gap === ' ' ? wordGap : gap);
  const lines = [first];
  for (const word of words) {
    const longer = `${lines.at(-1)}${gap}${word}`;
    if (longer.length <= room || lines.length >= most) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((line, at) => `${at === 0 ? name : ' '.repeat(name.length)}${line}`);
}

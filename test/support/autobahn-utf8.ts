/** Sequences of bytes that are UTF-8 or not: those of the Autobahn fuzzing client, sections 6.5 to 6.23. */
import { isUtf8 } from 'node:buffer';

/** A sequence in hexadecimal, with the section that it is in. */
interface Sequence {
  readonly section: string;
  readonly hex: string;
  readonly isValid: boolean;
}

const kosme = 'cebae1bdb9cf83cebcceb5';

/** Every byte of a range, each followed by `after`. */
function range(from: number, to: number, after = ''): string {
  const bytes = Array.from({ length: to - from + 1 }, (_, n) => (from + n).toString(16));
  return bytes.map((byte) => `${byte}${after}`).join('');
}

/** Sequences whose last byte is missing. */
const cut = [
  ...['c0', 'e080', 'f08080', 'f8808080', 'fc80808080'],
  ...['df', 'efbf', 'f7bfbf', 'fbbfbfbf', 'fdbfbfbfbf'],
];

/** Code points that are no characters: the last two of each plane. */
const noCharacters = Array.from({ length: 17 }, (_, plane) => plane * 0x10000).flatMap((first) =>
  [0xfffe, 0xffff].map((last) => Buffer.from(String.fromCodePoint(first + last)).toString('hex')),
);

const valid: Readonly<Record<string, readonly string[]>> = {
  '6.5 text': [
    '68656c6c6f24776f726c64',
    '68656c6c6fc2a2776f726c64',
    '68656c6c6fe282ac776f726c64',
    '68656c6c6ff0a4ada2776f726c64',
    kosme,
  ],
  '6.6 whole characters': [4, 10, 14, 18, 22].map((length) => kosme.slice(0, length)),
  '6.7 first of a length': ['00', 'c280', 'e0a080', 'f0908080'],
  '6.9 last of a length': ['7f', 'dfbf', 'efbfbf', 'f48fbfbf'],
  '6.11 at a limit': ['ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf'],
  '6.22 no characters': noCharacters,
  '6.23 specials': ['b9', 'ba', 'bb', 'bc', 'bd', 'be', 'bf'].map((last) => `efbf${last}`),
};

const invalid: Readonly<Record<string, readonly string[]>> = {
  '6.6 cut characters': [2, 6, 8, 12, 16, 20].map((length) => kosme.slice(0, length)),
  '6.8 first of a length that is none': ['f888808080', 'fc8480808080'],
  '6.10 last of a length that is none': ['f7bfbfbf', 'fbbfbfbfbf', 'fdbfbfbfbfbf'],
  '6.11 beyond the limit': ['f4908080'],
  '6.12 continuations of nothing': [
    ...['80', 'bf', '80bf', '80bf80', '80bf80bf', '80bf80bf80', '80bf80bf80bf'],
    range(0x80, 0xbf),
  ],
  '6.13 lonely beginnings': [
    range(0xc0, 0xdf, '20'),
    range(0xe0, 0xef, '20'),
    range(0xf0, 0xf7, '20'),
    range(0xf8, 0xfb, '20'),
    range(0xfc, 0xfd, '20'),
  ],
  '6.14 without the last byte': cut,
  '6.15 all of them': [cut.join('')],
  '6.16 impossible bytes': ['fe', 'ff', 'fefeffff'],
  '6.17 longer than needed': ['c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af'],
  '6.18 just longer than needed': ['c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf'],
  '6.19 zero, longer than needed': ['c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080'],
  '6.20 halves of pairs': [
    ...['eda080', 'edadbf', 'edae80', 'edafbf'],
    ...['edb080', 'edbe80', 'edbfbf'],
  ],
  '6.21 pairs': ['eda080', 'edadbf', 'edae80', 'edafbf'].flatMap((high) =>
    ['edb080', 'edbfbf'].map((low) => `${high}${low}`),
  ),
};

function sequencesOf(given: typeof valid, isValid: boolean): readonly Sequence[] {
  return Object.entries(given).flatMap(([section, list]) =>
    list.map((hex) => {
      // What Node says of it: a slip in the lists would show here.
      if (isUtf8(Buffer.from(hex, 'hex')) !== isValid) throw new Error(`${section}: ${hex}`);
      return { section, hex, isValid };
    }),
  );
}

/** All of them. */
export const utf8Sequences = [...sequencesOf(valid, true), ...sequencesOf(invalid, false)];

/** A tour of `odin top`: what somebody does at it all day, one thing after the other. */

/** Keys that are pressed, or the size that the terminal gets. */
export type Stop = string | readonly [columns: number, rows: number];

const back = '\u007F';
const redraw = '\f';

/** Ends as it begins. */
export const tour: readonly Stop[] = [
  // Another node, it alone, all of them.
  ...['1', 'j', '\r', back],
  ...['2', 's', 'S', '<', 'S'],
  // The rows with a text, the last of them, everything about it, and back.
  ...['3', '/', 't1', '\r', 'G', '\r', back, back],
  ...['4', 's', [80, 24] as const, '<', '/', '!user-1\r', back],
  ...['5', [200, 50] as const],
  // The publisher is asked what it does not know, and told something: both are said below.
  ...['6', 'e', '0\r', 'e', '50\r', 'x', 'n', 'b', 'y'],
  ...['7', '8', [30, 8] as const, [120, 40] as const, '?', 'h', redraw, ' ', 'j', ' '],
];

/** Names of keys, from what ink says of them. */
import type { Key } from 'ink';

const named: readonly (readonly [keyof Key, string])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'esc'],
  ['backspace', 'backspace'],
  ['delete', 'backspace'],
];

/** `up`, `shift-tab`, `ctrl-d`, or characters, of which several may come at once. */
export function keyNames(input: string, key: Key): string[] {
  const name = named.find(([flag]) => key[flag] === true)?.[1];
  if (name !== undefined) return [name];
  if (key.tab) return [key.shift ? 'shift-tab' : 'tab'];
  if (key.ctrl) return [`ctrl-${input}`];
  if (key.meta) return [];
  return [...input].map((char) => (char === '\r' || char === '\n' ? 'enter' : char));
}

/** Figures: a row of numbers with their names. */
import { byId, element, say } from './dom.ts';

/** Shows numbers by name, in the order in which they come first. */
export class Figures {
  readonly #place = byId('figures');
  readonly #values = new Map<string, HTMLElement>();

  /** `isBad` is for a number that somebody should look at. */
  show(name: string, text: string, isBad = false): void {
    let value = this.#values.get(name);
    if (value === undefined) {
      value = element('dd');
      this.#values.set(name, value);
      this.#place.append(
        element('div', '', { children: [element('dt', '', { text: name }), value] }),
      );
    }
    value.parentElement?.classList.toggle('bad', isBad);
    say(value, text);
  }
}

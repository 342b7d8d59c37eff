/** Making elements: text only ever becomes text, never markup. */

/** What an element gets: attributes by name, `text`, and what is in it. */
interface Details {
  readonly text?: string;
  readonly children?: readonly Element[];
  readonly attributes?: Readonly<Record<string, string>>;
}

/** An HTML element, with its classes. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  classes = '',
  { text, children = [], attributes = {} }: Details = {},
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (classes !== '') made.className = classes;
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** An SVG element, with its classes. */
export function shape<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  classes = '',
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  made.setAttribute('class', classes);
  return made;
}

/** The element of the page with an id. Throws when the page has none. */
export function byId<Found extends HTMLElement = HTMLElement>(id: string): Found {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no #${id} in this page`);
  return found as Found;
}

/** Sets text only where it changes: screen readers and layout need not look again. */
export function say(place: Element, text: string): void {
  if (place.textContent !== text) place.textContent = text;
}

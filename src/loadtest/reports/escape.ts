/** Text of other people in HTML, XML and Markdown: it shows, and does nothing else. */

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For the text and the attributes of HTML and XML, without what XML 1.0 cannot hold. */
export function escapeMarkup(text: string): string {
  return withoutControls(text).replace(/[&<>"']/g, (char) => entities[char] as string);
}

/** For one cell of a table in Markdown, where HTML works too. */
export function escapeCell(text: string): string {
  return withoutControls(text)
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_[\]{}()#!|~@]/g, '\\$&')
    .replace(/[&<>]/g, (char) => entities[char] as string);
}

/** For a script element that holds JSON: nothing in it can end the element. */
export function escapeJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function withoutControls(text: string): string {
  // Lone halves of a surrogate pair cannot be written as UTF-8.
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD');
}

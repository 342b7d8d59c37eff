/** Token form: asks for a token, which stays in the memory of this page and goes nowhere else. */
import { element, say } from './dom.ts';

/** What a form says, and what becomes of the token. */
export interface TokenFormParts {
  readonly title: string;
  readonly text: string;
  readonly label: string;
  readonly button: string;
  readonly onToken: (token: string) => void;
}

/** A panel with one field. */
export class TokenForm {
  readonly element: HTMLElement;
  readonly #field = element('input', '', {
    attributes: { type: 'password', required: '', autocomplete: 'off', spellcheck: 'false' },
  });
  readonly #complaint = element('p', 'complaint', { attributes: { role: 'alert' } });

  constructor({ title, text, label, button, onToken }: TokenFormParts) {
    const labelled = element('label', '', { text: label });
    labelled.append(this.#field);
    const form = element('form', '', {
      attributes: { method: 'dialog' },
      children: [labelled, element('button', '', { text: button }), this.#complaint],
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const token = this.#field.value.trim();
      if (token === '') return;
      say(this.#complaint, '');
      onToken(token);
    });
    this.element = element('section', 'panel', {
      children: [element('h2', '', { text: title }), element('p', '', { text }), form],
    });
  }

  /** Says why the last token was no good. */
  complain(text: string): void {
    say(this.#complaint, text);
    this.#field.value = '';
    this.#field.focus();
  }
}

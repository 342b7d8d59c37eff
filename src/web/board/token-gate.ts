/** Token gate: gets the tokens that the board's client asks for, from whoever looks at the page. */
import type { TokenRequest } from '../../client/index.ts';
import { TokenForm } from '../token-form.ts';

const unencrypted = ' This connection is not encrypted: others may read what you send.';

/** Holds the token in memory, and shows a form where there is none that is good. */
export class TokenGate {
  readonly #place: HTMLElement;
  readonly #form: TokenForm;
  #token: string | undefined;
  #given: ((token: string) => void) | undefined;

  /** `onToken` is told of a token that nobody waits for. */
  constructor(place: HTMLElement, onToken: () => void) {
    this.#place = place;
    this.#form = new TokenForm({
      title: 'This server wants a token',
      text: `Paste a JSON Web Token. It stays in the memory of this page, until you leave it.${
        window.isSecureContext ? '' : unencrypted
      }`,
      label: 'Token',
      button: 'Connect',
      onToken: (token) => {
        this.#token = token;
        const given = this.#given;
        this.#given = undefined;
        if (given === undefined) onToken();
        else given(token);
      },
    });
  }

  /** For the client: the one there is, and another when that has expired. */
  readonly tokenFor = ({ reason }: TokenRequest): string | undefined | Promise<string> => {
    // There will be another one only when somebody brings it.
    if (reason === 'refresh') return undefined;
    if (reason === 'connect') return this.#token;
    this.ask('The token has expired, or is not taken any more.');
    return new Promise((resolve) => {
      this.#given = resolve;
    });
  };

  /** Whether the form is shown. */
  get isAsking(): boolean {
    return this.#form.element.isConnected;
  }

  /** Shows the form, with what was wrong with the last token. */
  ask(complaint: string): void {
    if (!this.isAsking) this.#place.prepend(this.#form.element);
    if (complaint !== '') this.#form.complain(complaint);
  }

  /** The token is good. */
  hide(): void {
    this.#form.element.remove();
  }
}

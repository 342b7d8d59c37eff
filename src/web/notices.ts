/** Notices: what people should know about the connection, one line each, above everything else. */
import { byId, element, say } from './dom.ts';

/** What a notice is about; one line for each at most. */
export type NoticeKind = 'connection' | 'throttle' | 'gaps' | 'rejected' | 'forgotten';

/** Shows and hides them. Each is announced when it appears and when its text changes. */
export class Notices {
  readonly #place = byId('notices');
  readonly #lines = new Map<NoticeKind, HTMLElement>();

  /** `''` takes a notice away. */
  show(kind: NoticeKind, text: string, isBad = false): void {
    let line = this.#lines.get(kind);
    if (text === '') {
      line?.remove();
      this.#lines.delete(kind);
      return;
    }
    if (line === undefined) {
      line = element('p', 'notice', { attributes: { role: 'status', 'data-kind': kind } });
      this.#lines.set(kind, line);
      this.#place.append(line);
    }
    line.classList.toggle('bad', isBad);
    say(line, text);
  }
}

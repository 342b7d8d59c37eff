/** A terminal without a screen: what a view writes, the keys it gets, and its size. */
import { EventEmitter } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import type { Terminal } from '../../src/tui/terminal-session.tsx';

/** Give it to `runInTerminal`; `\u001B[A` is up, `\r` Enter, `\u0003` Ctrl-C. */
export class FakeTerminal implements Terminal {
  readonly stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode(isRaw: boolean) {
      this.isRaw = isRaw;
      return this;
    },
    ref() {
      return this;
    },
    unref() {
      return this;
    },
  });
  readonly stdout: FakeScreen;
  readonly stderr: FakeScreen;
  readonly signal: AbortSignal;
  /** Times that it was asked to stop. */
  stops = 0;
  readonly #stopping = new EventEmitter();
  readonly jobControl = {
    onStop: (callback: () => void) => {
      this.#stopping.on('stop', callback);
      return { [Symbol.dispose]: () => void this.#stopping.off('stop', callback) };
    },
    stop: async () => {
      this.stops++;
    },
  };

  constructor({ columns = 80, rows = 24, signal = new AbortController().signal } = {}) {
    this.stdout = new FakeScreen(columns, rows);
    this.stderr = new FakeScreen(columns, rows);
    this.signal = signal;
  }

  press(keys: string): void {
    this.stdin.write(keys);
  }

  resize(columns: number, rows: number): void {
    Object.assign(this.stdout, { columns, rows });
    this.stdout.emit('resize');
  }

  /** As `kill -TSTP` does. */
  askToStop(): void {
    this.#stopping.emit('stop');
  }
}

/** Where a view is written; it remembers the last 4 MiB of it. */
class FakeScreen extends Writable {
  readonly isTTY = true;
  columns: number;
  rows: number;
  /** Bytes of all that was written. */
  bytes = 0;
  #text = '';
  #waiting: { readonly text: string; readonly resolve: () => void }[] = [];

  constructor(columns: number, rows: number) {
    super({ decodeStrings: false });
    this.columns = columns;
    this.rows = rows;
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    const text = String(chunk);
    this.bytes += Buffer.byteLength(text);
    this.#text = (this.#text + text).slice(-4 * 1024 * 1024);
    for (const waiting of this.#waiting) if (this.#text.includes(waiting.text)) waiting.resolve();
    this.#waiting = this.#waiting.filter((waiting) => !this.#text.includes(waiting.text));
    done();
  }

  get text(): string {
    return this.#text;
  }

  /** Resolves when a text has been written, also before. */
  async shows(text: string): Promise<void> {
    if (this.#text.includes(text)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ text, resolve });
    await promise;
  }

  /** Forgets what was written. */
  clear(): void {
    this.#text = '';
  }
}

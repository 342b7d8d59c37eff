/** ReplaySource: a recording, as `odin top` shows it: played, held, gone through back and forth. */
import { FleetModel } from '../tui/fleet-model.ts';
import type { TopShown, TopSource } from '../tui/top-view.tsx';
import type { Recording } from './recording.ts';

/** Looks before the one shown that make up its courses. */
const courseLooks = 240;
/** A look is shown this long, at most: nobody waits for what was not recorded. */
const maxStepMs = 5_000;

/** Plays at the pace at which it was recorded. Disposing it stops that. */
export class ReplaySource implements TopSource, Disposable {
  readonly isRecording = false;
  readonly #recording: Recording;
  readonly #onFailed: (error: unknown) => void;
  readonly #listeners = new Set<() => void>();
  #model = new FleetModel();
  #shown: TopShown = { figures: undefined, replay: undefined };
  #at = -1;
  #isPlaying = true;
  #isEnded = false;
  #timer: NodeJS.Timeout | undefined;
  /** Seeks come faster than a file is read: they wait for each other. */
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** `onFailed` hears of a line that cannot be read. */
  constructor(recording: Recording, onFailed: (error: unknown) => void) {
    this.#recording = recording;
    this.#onFailed = onFailed;
  }

  readonly shown = (): TopShown => this.#shown;

  readonly subscribe = (onChange: () => void): (() => void) => {
    this.#listeners.add(onChange);
    return () => this.#listeners.delete(onChange);
  };

  /** Shows the first look, and goes on from there. */
  start(): void {
    this.#seek(1);
  }

  looksAt(): void {}

  async act(effect: Parameters<TopSource['act']>[0]): Promise<undefined> {
    if (effect.kind === 'play') {
      this.#isPlaying = !this.#isPlaying;
      // At the end it begins again.
      if (this.#isPlaying && this.#at === this.#recording.count - 1) this.#seek(-Infinity);
      else this.#seek(0);
    }
    if (effect.kind === 'seek') {
      this.#isPlaying = false;
      this.#seek(effect.looks);
    }
  }

  [Symbol.dispose](): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
  }

  /** Keys that are held down are not worth more than a few looks each. */
  #seek(looks: number): void {
    if (this.#waiting > 4) return;
    clearTimeout(this.#timer);
    this.#waiting++;
    this.#work = this.#work
      .then(() => this.#show(Math.max(0, Math.min(this.#at + looks, this.#recording.count - 1))))
      .catch((error: unknown) => this.#onFailed(error))
      .finally(() => {
        this.#waiting--;
      });
  }

  async #show(at: number): Promise<void> {
    const isNext = at === this.#at + 1;
    if (at !== this.#at) {
      const first = isNext ? at : Math.max(0, at - courseLooks);
      if (!isNext) this.#model = new FleetModel();
      for (let look = first; look <= at; look++) this.#model.take(await this.#recording.read(look));
    }
    this.#at = at;
    const { count } = this.#recording;
    if (at === count - 1) this.#isPlaying = false;
    const replay = { at: at + 1, count, isPlaying: this.#isPlaying };
    this.#shown = { figures: this.#model.figures, replay };
    for (const listener of this.#listeners) listener();
    if (this.#isPlaying) await this.#playOn(at);
  }

  async #playOn(at: number): Promise<void> {
    const next = await this.#recording.read(at + 1);
    const stepMs = next.time_ms - (this.#model.figures?.timeMs ?? next.time_ms);
    if (this.#isEnded) return;
    this.#timer = setTimeout(() => this.#seek(1), Math.max(0, Math.min(stepMs, maxStepMs)));
  }
}

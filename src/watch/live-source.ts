/** LiveSource: what is watched, as `odin top` shows it. */
import type { FleetSnapshot } from '../protocol/fleet-snapshot.ts';
import { type StatusSection, statusSections } from '../protocol/status-sections.ts';
import { FleetModel } from '../tui/fleet-model.ts';
import type { TabName } from '../tui/keymap.ts';
import { sectionsOf } from '../tui/screens/tables.ts';
import type { TopShown, TopSource } from '../tui/top-view.tsx';
import type { FleetWatch } from './fleet-watch.ts';
import { tellPublisher } from './publisher-controls.ts';
import type { Recorder } from './recorder.ts';

/** What it is made of. */
export interface LiveParts {
  readonly watch: FleetWatch;
  readonly recorder: Recorder | undefined;
  readonly publisher: URL | undefined;
  readonly tab: TabName;
  readonly signal: AbortSignal;
}

/** Feeds a model with each look. While it is held looks are recorded, and not shown. */
export class LiveSource implements TopSource {
  readonly #parts: LiveParts;
  readonly #model = new FleetModel();
  readonly #listeners = new Set<() => void>();
  #shown: TopShown = { figures: undefined, replay: undefined };
  #tab: TabName;
  #isHeld = false;

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#tab = parts.tab;
  }

  get isRecording(): boolean {
    return this.#parts.recorder !== undefined;
  }

  readonly shown = (): TopShown => this.#shown;

  readonly subscribe = (onChange: () => void): (() => void) => {
    this.#listeners.add(onChange);
    return () => this.#listeners.delete(onChange);
  };

  /** Looks until the signal ends it. Rejects when what is seen cannot be recorded. */
  async run(): Promise<void> {
    await this.#parts.watch.run(
      () => this.#sections(),
      (snapshot) => this.#take(snapshot),
    );
  }

  looksAt(tab: TabName, isPaused: boolean): void {
    const isOther = tab !== this.#tab || (this.#isHeld && !isPaused);
    this.#tab = tab;
    this.#isHeld = isPaused;
    if (isOther) this.#parts.watch.hurry();
  }

  async act(effect: Parameters<TopSource['act']>[0]): Promise<string | undefined> {
    const { publisher, signal, watch } = this.#parts;
    if (effect.kind === 'publisher' && publisher !== undefined) {
      const words = await tellPublisher(publisher, effect, signal);
      watch.hurry();
      return words;
    }
    if (effect.kind === 'refresh') watch.hurry();
    return undefined;
  }

  /** A recording is for all tabs. */
  #sections(): readonly StatusSection[] {
    return this.isRecording ? statusSections : sectionsOf[this.#tab];
  }

  async #take(snapshot: FleetSnapshot): Promise<void> {
    await this.#parts.recorder?.write(snapshot);
    if (this.#isHeld) return;
    this.#shown = { figures: this.#model.take(snapshot), replay: undefined };
    for (const listener of this.#listeners) listener();
  }
}

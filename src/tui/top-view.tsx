/** TopView: `odin top` on a terminal: what the source shows, as somebody looks at it. */
import { useApp, useInput, useWindowSize } from 'ink';
import { useEffect, useReducer, useRef, useSyncExternalStore } from 'react';
import type { FleetFigures } from './fleet-figures.ts';
import { Frame } from './frame.tsx';
import type { Glyphs } from './glyphs.ts';
import { keyNames } from './key-names.ts';
import type { TabName } from './keymap.ts';
import type { Paint } from './paint.ts';
import { contextOf, type ReplayPlace, type ScreenInput, screenLines } from './screens/screen.ts';
import { firstSorts } from './screens/tables.ts';
import { type Effect, initialState, press, type ViewState } from './view-state.ts';

/** What is shown at a time; another object whenever anything changed. */
export interface TopShown {
  readonly figures: FleetFigures | undefined;
  readonly replay: ReplayPlace | undefined;
}

/** Where figures come from, and what can be asked of it. */
export interface TopSource {
  readonly isRecording: boolean;
  readonly shown: () => TopShown;
  readonly subscribe: (onChange: () => void) => () => void;
  /** Somebody looks at this tab now, and wants it held or not. */
  readonly looksAt: (tab: TabName, isPaused: boolean) => void;
  /** Does what is asked; resolves with what became of it, in words, if that is worth saying. */
  readonly act: (effect: Exclude<Effect, { kind: 'quit' }>) => Promise<string | undefined>;
}

/** How it begins and looks. */
interface TopViewProps {
  readonly source: TopSource;
  readonly tab: TabName;
  readonly glyphs: Glyphs;
  readonly paint: Paint;
}

/** Fills the terminal. */
export function TopView({ source, tab, glyphs, paint }: TopViewProps) {
  const { exit } = useApp();
  const size = useWindowSize();
  const shown = useSyncExternalStore(source.subscribe, source.shown);
  const state = useRef<ViewState>(undefined);
  state.current ??= initialState(tab, firstSorts);
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const { isRecording } = source;
  const inputOf = (now: ViewState): ScreenInput => ({
    ...shown,
    isRecording,
    state: now,
    size,
    glyphs,
  });

  const change = (next: ViewState) => {
    if (next === state.current) return;
    state.current = next;
    redraw();
  };
  const perform = async (effect: Effect) => {
    if (effect.kind === 'quit') return exit();
    const message = await source.act(effect);
    if (message !== undefined) change({ ...(state.current as ViewState), message });
  };
  // Several keys may come at once, and each finds what the one before has left.
  useInput((input, key) => {
    for (const name of keyNames(input, key)) {
      const now = state.current as ViewState;
      const { state: next, effect } = press(now, name, contextOf(inputOf(now)));
      change(next);
      if (effect !== undefined) void perform(effect);
    }
  });
  const { tab: current, isPaused } = state.current;
  useEffect(() => source.looksAt(current, isPaused), [source, current, isPaused]);
  return <Frame lines={screenLines(inputOf(state.current))} paint={paint} />;
}

/** `odin top` on a terminal, from its first frame until somebody leaves it. */
import { glyphsFor } from './glyphs.ts';
import type { TabName } from './keymap.ts';
import { createPaint } from './paint.ts';
import { runInTerminal, type Terminal } from './terminal-session.tsx';
import { type TopSource, TopView } from './top-view.tsx';

/** What it shows, and on what. */
export interface TopOptions {
  readonly source: TopSource;
  readonly tab: TabName;
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hasColor: boolean;
}

/** Resolves when it was left. Rejects with what went wrong while drawing; the terminal is as before. */
export async function runTop({ source, tab, terminal, env, hasColor }: TopOptions): Promise<void> {
  const view = (
    <TopView source={source} tab={tab} glyphs={glyphsFor(env)} paint={createPaint(hasColor)} />
  );
  // Ctrl-C is a key like q.
  await runInTerminal(view, terminal, { isFullScreen: true, onInterrupt: () => undefined });
}

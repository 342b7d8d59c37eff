/** LoadTestView: a running load test on a terminal. */
import { useWindowSize } from 'ink';
import { useEffect, useState } from 'react';
import { Frame } from './frame.tsx';
import { type Glyphs, glyphsFor } from './glyphs.ts';
import type { LoadTestFigures } from './loadtest-figures.ts';
import { loadTestLines } from './loadtest-lines.ts';
import { createPaint, type Paint } from './paint.ts';
import { runInTerminal, type Terminal } from './terminal-session.tsx';

/** At most four times a second: the figures change once. */
const drawMs = 250;

/** What is shown, and on what. */
export interface LoadTestViewOptions {
  /** The figures now; the same object while nothing changed. */
  readonly look: () => LoadTestFigures;
  /** Ends with its signal. */
  readonly terminal: Terminal;
  readonly onInterrupt: () => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hasColor: boolean;
}

/** Shows a run until the signal of the terminal is aborted, and leaves the terminal as it was. */
export async function showLoadTest(options: LoadTestViewOptions): Promise<void> {
  const { look, terminal, onInterrupt, env, hasColor } = options;
  const view = <LoadTestView look={look} glyphs={glyphsFor(env)} paint={createPaint(hasColor)} />;
  await runInTerminal(view, terminal, { isFullScreen: true, onInterrupt });
}

function LoadTestView({
  look,
  glyphs,
  paint,
}: {
  readonly look: () => LoadTestFigures;
  readonly glyphs: Glyphs;
  readonly paint: Paint;
}) {
  const size = useWindowSize();
  const [figures, show] = useState(look);
  useEffect(() => {
    const timer = setInterval(() => show(look()), drawMs);
    return () => clearInterval(timer);
  }, [look]);
  return <Frame lines={loadTestLines(figures, size, glyphs)} paint={paint} />;
}

/** TerminalSession: a view that has the terminal, and gives it back as it was however it ends. */
import { render, useApp, useInput } from 'ink';
import { type ReactNode, useEffect } from 'react';

/** The terminal, as the process has it. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Ends the session. */
  readonly signal: AbortSignal;
  readonly jobControl: {
    /** Calls back when the process is asked to stop for a while (SIGTSTP). */
    onStop(callback: () => void): Disposable;
    /** Stops it, as Ctrl-Z does; resolves when it goes on. */
    stop(): Promise<void>;
  };
}

/** How a session shows. */
export interface SessionOptions {
  /** On a screen of its own, which leaves nothing behind; otherwise the last frame stays. */
  readonly isFullScreen: boolean;
  /** Ctrl-C was pressed; the session ends unless this is given. */
  readonly onInterrupt?: () => void;
  /** Frames per second, at most; 20 unless given. */
  readonly maxFps?: number;
}

/**
 * Shows a view until it calls `exit` of ink's `useApp`, Ctrl-C is pressed, or the signal is aborted.
 * Ctrl-Z stops the process with the terminal as it was before, and the view goes on after `fg`.
 * Ctrl-L draws everything anew.
 * Rejects with what a component threw.
 */
export async function runInTerminal(
  view: ReactNode,
  terminal: Terminal,
  { isFullScreen, onInterrupt, maxFps = 20 }: SessionOptions,
): Promise<void> {
  const { stdin, stdout, stderr, signal, jobControl } = terminal;
  if (signal.aborted) return;
  const app = render(
    <>
      {view}
      <Keys jobControl={jobControl} onInterrupt={onInterrupt} />
    </>,
    {
      ...{ stdin, stdout, stderr },
      alternateScreen: isFullScreen,
      incrementalRendering: true,
      // It is asked for where there is a terminal; ink would say no where CI is set.
      interactive: true,
      exitOnCtrlC: false,
      patchConsole: false,
      maxFps,
    },
  );
  const end = () => app.unmount();
  signal.addEventListener('abort', end, { once: true });
  try {
    await app.waitUntilExit();
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** The keys that the terminal would act on itself, were it not in raw mode. */
function Keys({
  jobControl,
  onInterrupt,
}: {
  readonly jobControl: Terminal['jobControl'];
  readonly onInterrupt: (() => void) | undefined;
}) {
  const { exit, suspendTerminal } = useApp();
  const stop = () => void suspendTerminal(() => jobControl.stop());
  useEffect(() => {
    const listening = jobControl.onStop(stop);
    return () => listening[Symbol.dispose]();
  });
  useInput((input, key) => {
    if (!key.ctrl) return;
    if (input === 'c') (onInterrupt ?? exit)();
    if (input === 'z') stop();
    // Whatever wrote over the screen: it is drawn anew from nothing.
    if (input === 'l') void suspendTerminal(() => undefined);
  });
  return null;
}

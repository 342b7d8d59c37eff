import { useApp, useInput } from 'ink';
import { createElement } from 'react';
import { expect, test } from 'vitest';
import { FakeTerminal } from '../../test/support/fake-terminal.ts';
import { Frame } from './frame.tsx';
import { line } from './line.ts';
import { createPaint } from './paint.ts';
import { runInTerminal } from './terminal-session.tsx';

const enterAlternate = '\u001B[?1049h';
const leaveAlternate = '\u001B[?1049l';
const showCursor = '\u001B[?25h';

/** Remembers the keys that it got; `x` leaves. */
function Echo({ seen }: { readonly seen: string[] }) {
  const { exit } = useApp();
  useInput((input) => {
    // Keys that come together come as one text.
    seen.push(input);
    if (input.endsWith('x')) exit();
  });
  return createElement(Frame, { lines: [line('hello')], paint: createPaint(false) });
}

/** Throws when it is drawn. */
function Broken(): never {
  throw new Error('cannot be drawn');
}

function expectRestored({ stdin, stdout }: FakeTerminal): void {
  expect(stdin.isRaw).toBe(false);
  expect(stdout.text.lastIndexOf(leaveAlternate)).toBeGreaterThan(
    stdout.text.lastIndexOf(enterAlternate),
  );
  expect(stdout.text).toContain(showCursor);
}

function start(view: typeof Echo | typeof Broken, terminal: FakeTerminal, seen: string[] = []) {
  return runInTerminal(createElement(view, { seen }), terminal, { isFullScreen: true });
}

test('a view gets keys, draws on a screen of its own, and leaves the terminal as it was', async () => {
  const terminal = new FakeTerminal();
  const seen: string[] = [];
  const session = start(Echo, terminal, seen);
  await terminal.stdout.shows('hello');
  expect(terminal.stdin.isRaw).toBe(true);
  terminal.press('ab');
  terminal.press('x');
  await session;
  expect(seen.join('')).toBe('abx');
  expectRestored(terminal);
});

test.each([
  ['Ctrl-C', (terminal: FakeTerminal) => terminal.press('\u0003')],
  ['a signal', (_: FakeTerminal, stop: AbortController) => stop.abort()],
])('it is given back at %s', async (_name, end) => {
  const stop = new AbortController();
  const terminal = new FakeTerminal({ signal: stop.signal });
  const session = start(Echo, terminal);
  await terminal.stdout.shows('hello');
  end(terminal, stop);
  await session;
  expectRestored(terminal);
});

test('what a component throws comes out when the terminal has been restored', async () => {
  const terminal = new FakeTerminal();
  await expect(start(Broken, terminal)).rejects.toThrow('cannot be drawn');
  expectRestored(terminal);
});

test.each([
  ['Ctrl-Z', (terminal: FakeTerminal) => terminal.press('\u001A')],
  ['kill -TSTP', (terminal: FakeTerminal) => terminal.askToStop()],
])('%s hands the terminal over, and the view comes back after it', async (_name, stop) => {
  const terminal = new FakeTerminal();
  const session = start(Echo, terminal);
  await terminal.stdout.shows('hello');
  terminal.stdout.clear();
  stop(terminal);
  await terminal.stdout.shows('hello');
  expect(terminal.stops).toBe(1);
  const { text } = terminal.stdout;
  expect(text.indexOf(leaveAlternate)).toBeGreaterThanOrEqual(0);
  expect(text.lastIndexOf(enterAlternate)).toBeGreaterThan(text.indexOf(leaveAlternate));
  expect(terminal.stdin.isRaw).toBe(true);
  terminal.press('x');
  await session;
});

test('a session that was ended before it began draws nothing', async () => {
  const terminal = new FakeTerminal({ signal: AbortSignal.abort() });
  await start(Echo, terminal);
  expect(terminal.stdout.bytes).toBe(0);
});

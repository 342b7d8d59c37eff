/** Tests of loadtest-view.tsx: what is drawn, how often, and that the terminal is given back. */
import { expect, test } from 'vitest';
import { FakeTerminal } from '../../test/support/fake-terminal.ts';
import type { LoadTestFigures } from './loadtest-figures.ts';
import { showLoadTest } from './loadtest-view.tsx';

const figures: LoadTestFigures = {
  ...{ url: 'ws://h/ws', phase: 'ramp', stage: 'ramp', elapsedMs: 0 },
  clients: { target: 20, active: 0, failed: 0, vanished: 0, dropped: 0, reconnected: 0 },
  ...{ kinds: [], connect: undefined, latency: undefined, eventsPerSecond: 0, received: 0 },
  ...{ rates: [], latencyP99s: [], delivery: [], errors: [], server: undefined },
  metricsUrl: undefined,
  generator: { workers: 1, cpuPercent: 0, loopDelayP99Ms: 0, rssBytes: 0 },
};

test('it follows the run, draws at most four times a second, and gives the terminal back', async () => {
  const stop = new AbortController();
  const terminal = new FakeTerminal({ signal: stop.signal });
  let [looks, interrupts] = [0, 0];
  const startedMs = performance.now();
  const shown = showLoadTest({
    look: () => {
      looks++;
      return { ...figures, clients: { ...figures.clients, active: looks } };
    },
    ...{ terminal, env: { LANG: 'C' }, hasColor: false },
    onInterrupt: () => {
      interrupts++;
      stop.abort();
    },
  });
  await terminal.stdout.shows('3 of 20 open');
  expect(looks).toBeLessThanOrEqual(2 + (performance.now() - startedMs) / 250);
  for (const clear of ['\u001B[2J', '\u001B[3J']) expect(terminal.stdout.text).not.toContain(clear);
  terminal.press('\u0003');
  await shown;
  expect(interrupts).toBe(1);
  expect(terminal.stdin.isRaw).toBe(false);
  const { text } = terminal.stdout;
  expect(text.lastIndexOf('\u001B[?1049l')).toBeGreaterThan(text.lastIndexOf('\u001B[?1049h'));
  expect(text).toContain('\u001B[?25h');
});

test('a run that is over leaves nothing on the screen', async () => {
  const stop = new AbortController();
  const terminal = new FakeTerminal({ signal: stop.signal });
  const onInterrupt = () => undefined;
  const shown = showLoadTest({
    look: () => figures,
    terminal,
    onInterrupt,
    env: {},
    hasColor: true,
  });
  await terminal.stdout.shows('of 20 open');
  stop.abort();
  await shown;
  expect(terminal.stdin.isRaw).toBe(false);
});

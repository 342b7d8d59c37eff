/** Tests of loadtest-lines.ts: everything is there, and nothing is wider or longer than it may be. */
import { expect, test } from 'vitest';
import { asciiGlyphs, unicodeGlyphs } from './glyphs.ts';
import { textOf, widthOf } from './line.ts';
import type { LoadTestFigures } from './loadtest-figures.ts';
import { loadTestLines } from './loadtest-lines.ts';

const figures: LoadTestFigures = {
  ...{ url: 'ws://10.0.0.5:3004/ws', phase: 'hold', stage: 'peak', elapsedMs: 72_400 },
  clients: { target: 2_000, active: 1_998, failed: 0, vanished: 0, dropped: 2, reconnected: 0 },
  kinds: [],
  connect: { p50: 1.23, p99: 8.1, max: 40 },
  ...{ eventsPerSecond: 48_210, received: 1_234_567 },
  latency: { p50: 0.42, p99: 210, max: 1_400 },
  rates: [1, undefined, 24_000, 48_210],
  latencyP99s: [undefined, 10, 105, 210],
  delivery: [
    { name: 'lost', count: 3, isBad: true },
    { name: 'twice', count: 0, isBad: true },
  ],
  errors: [{ name: 'open-close-1001: \u001B[31mbye', count: 2, isBad: true }],
  metricsUrl: undefined,
  generator: { workers: 2, cpuPercent: 91, loopDelayP99Ms: 1.2, rssBytes: 96 * 1024 ** 2 },
  server: { ready: true, clients: 1_998, behind: 0, guardLevel: 1 },
};
const textAt = (given: LoadTestFigures, columns: number, rows: number, glyphs = unicodeGlyphs) =>
  loadTestLines(given, { columns, rows }, glyphs).map(textOf);

test('a run shows its place, clients, rates, latency, errors, the server and itself', () => {
  expect(textAt(figures, 80, 17).map((text) => text.trimEnd())).toEqual([
    'odin loadtest  ws://10.0.0.5:3004/ws                           hold · peak  1:12',
    '─'.repeat(80),
    'clients    1 998 of 2 000 open, 0 failed, 2 dropped, 0 came back',
    'connect    p50 1.2ms  p99 8.1ms  max 40.0ms',
    'events     48 210/s, 1 234 567 in all',
    '           ▂ ▄█  up to 48 210/s',
    'latency    p50 0.42ms  p99 210ms  max 1.40s',
    '            ▂▅█  up to 210ms',
    'delivery   3 lost, 0 twice',
    'server     ● ready, 1 998 clients, 0 behind, overload level 1',
    'generator  ▲ 2 workers, CPU 91% of a core, loop delay p99 1.2ms, 96MiB',
    'errors     2 × open-close-1001: ?[31mbye',
    ...['', '', '', ''],
    'Ctrl-C ends the run and writes its reports',
  ]);
});

test.each([
  [200, 50],
  [80, 24],
  [60, 12],
  [40, 10],
  [20, 5],
  [5, 3],
  [1, 1],
])('on %d × %d cells nothing is wider or longer than that', (columns, rows) => {
  for (const glyphs of [unicodeGlyphs, asciiGlyphs]) {
    const many = Array.from({ length: 40 }, (_, n) => ({ name: `e${n}`, count: 1, isBad: true }));
    const lines = loadTestLines({ ...figures, errors: many }, { columns, rows }, glyphs);
    expect(lines).toHaveLength(rows);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
  }
});

test('clients that vanished with their worker have not failed to connect', () => {
  const clients = { ...figures.clients, active: 1_000, vanished: 998 };
  expect(textAt({ ...figures, clients }, 80, 17)[2]?.trimEnd()).toBe(
    'clients    1 000 of 2 000 open, 0 failed, 998 vanished, 2 dropped, 0 came back',
  );
});

test('kinds of clients are told one by one, those apart behind the others', () => {
  const slow = { name: 'slow', active: 14, target: 15, isApart: true };
  const kinds = [{ name: 'trader', active: 200, target: 210, isApart: false }, slow];
  const shown = (some: LoadTestFigures['kinds']) =>
    textAt({ ...figures, kinds: some }, 80, 20).map((text) => text.trimEnd());
  expect(shown(kinds)).toContain('kinds      trader 200/210, apart slow 14/15');
  expect(shown([slow])).toContain('kinds      apart slow 14/15');
});

test('the courses give way first; how to end it stays', () => {
  const lines = textAt(figures, 80, 10);
  expect(lines.join('\n')).not.toMatch(/[▂█]/);
  expect(lines.at(-2)).toMatch(/^generator/);
  expect(lines.at(-1)).toMatch(/^Ctrl-C/);
});

test('on a narrow terminal what is wrong stays, and whole, before what is not', () => {
  const clients = { ...figures.clients, target: 100, active: 98, dropped: 3, reconnected: 1 };
  const apart = ['slow', 'half-open'].map((name) => ({
    name,
    active: 5,
    target: 10,
    isApart: true,
  }));
  const kinds = [{ name: 'trader', active: 98, target: 100, isApart: false }, ...apart];
  const stage = 'a-very-long-stage-name-that-goes-on';
  const metricsUrl = 'http://127.0.0.1:9464/metrics';
  const lines = textAt({ ...figures, clients, kinds, stage, metricsUrl }, 40, 12);
  expect(lines.map((text) => text.trimEnd())).toEqual([
    'odin loadtest hold · a-very…oes-on  1:12',
    'clients    98/100, 3 dropped, 1 back',
    'kinds      trader 98/100',
    '           apart slow 5/10',
    '           half-open 5/10',
    'connect    p99 8.1ms  max 40.0ms',
    'events     48 210/s, 1 234 567 in all',
    'latency    p99 210ms  max 1.40s',
    'delivery   3 lost, 0 twice',
    'server     ● ready, 0 behind, overload 1',
    'generator  ▲ CPU 91%, delay 1.2ms, 96MiB',
    'Ctrl-C ends and reports',
  ]);
});

test('what nobody knows is said, not shown as zero', () => {
  const early = { ...figures, connect: undefined, latency: undefined, rates: [], latencyP99s: [] };
  const text = textAt({ ...early, server: 'http://h/api/status: status 404' }, 80, 24).join('\n');
  expect(text).toContain('latency    nothing measured yet');
  expect(text).toContain('server     tells nothing of itself: http://h/api/status: status 404');
  expect(textAt({ ...early, server: undefined }, 80, 24).join('\n')).toContain(
    'server     not asked',
  );
});

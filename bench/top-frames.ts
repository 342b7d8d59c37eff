/**
 * What `odin top` costs, drawn to a terminal that is not there: bytes and CPU of frames, and what stays
 * in memory when somebody goes through all of it for days. `node --expose-gc bench/top-frames.ts
 * [updates] [again]` prints JSON, and memory on stderr as it goes; it needs a build. With `again` looks
 * repeat, so that also what remembers texts must not grow any more.
 */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { TopShown, TopSource } from '../src/tui/top-view.tsx';
import { FakeTerminal } from '../test/support/fake-terminal.ts';
import { busyFleet, idleFleet } from './top-fleet.ts';
import { type Mark, markAfter, slopeOf, watchLayoutMemory } from './top-memory.ts';
import { type Stop, tour } from './top-tour.ts';

// React reads it when it is loaded, as in `odin top`.
process.env['NODE_ENV'] = 'production';
watchLayoutMemory();

/** From the build: Node runs no TSX by itself. */
async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../dist/tui/${path}`, import.meta.url).href)) as Module;
}

const { createElement } = await import('react');
const { FleetModel } = await built<typeof import('../src/tui/fleet-model.ts')>('fleet-model.js');
const { TopView } = await built<typeof import('../src/tui/top-view.tsx')>('top-view.js');
const { runInTerminal } =
  await built<typeof import('../src/tui/terminal-session.tsx')>('terminal-session.js');
const { createPaint } = await built<typeof import('../src/tui/paint.ts')>('paint.js');
const { unicodeGlyphs } = await built<typeof import('../src/tui/glyphs.ts')>('glyphs.js');

const updates = Number(process.argv[2] ?? 2_000);
const repeated = process.argv[3] === 'again' ? tour.map((_, second) => busyFleet(second)) : [];
const busyAt = (second: number) => repeated[second % tour.length] ?? busyFleet(second);
const marksTaken = 20;
/** Looks that courses remember. */
const courseLooks = 3_600;
/** Drawn to know what frames cost: of a busy fleet, and of an idle one. */
const costUpdates = 100;
const idleUpdates = 30;
/** Until courses fill their place; before, each look adds to them. */
const settlingLooks = 120;

const model = new FleetModel();
for (let look = 0; look < settlingLooks; look++) model.take(idleFleet(look));
let shown: TopShown = { figures: model.figures, replay: undefined };
let notify = () => {};
let isHeld = false;
const source: TopSource = {
  isRecording: false,
  shown: () => shown,
  subscribe(onChange) {
    notify = onChange;
    return () => {};
  },
  looksAt(_, isPaused) {
    isHeld = isPaused;
  },
  act: async ({ kind }) => (kind === 'publisher' ? 'the publisher was told' : undefined),
};
const end = new AbortController();
const terminal = new FakeTerminal({ columns: 120, rows: 40, signal: end.signal });

/** Draws a look: React and ink have a turn, and ink's shortest pause between frames. */
async function draw(snapshot: ReturnType<typeof busyFleet>): Promise<void> {
  const figures = model.take(snapshot);
  if (!isHeld) {
    shown = { figures, replay: undefined };
    notify();
  }
  await turn();
  await sleep(2);
  // A terminal remembers nothing of what was written.
  terminal.stdout.clear();
}

function make(stop: Stop): void {
  if (typeof stop === 'string') terminal.press(stop);
  else terminal.resize(...stop);
}

/** Bytes and CPU of an update, of so many. */
async function costOf(
  count: number,
  fleetAt: (update: number) => ReturnType<typeof busyFleet>,
): Promise<{ bytes: number; cpuMs: number }> {
  const bytesBefore = terminal.stdout.bytes;
  const cpuBefore = process.cpuUsage();
  for (let update = 1; update <= count; update++) await draw(fleetAt(update));
  const { user, system } = process.cpuUsage(cpuBefore);
  const bytes = (terminal.stdout.bytes - bytesBefore) / count;
  return { bytes: rounded(bytes), cpuMs: rounded((user + system) / 1_000 / count) };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

const view = createElement(TopView, {
  ...{ source, tab: 'overview' as const, glyphs: unicodeGlyphs, paint: createPaint(true) },
});
const session = runInTerminal(view, terminal, { isFullScreen: true, maxFps: 1_000 });

await draw(idleFleet(settlingLooks));
const idle = await costOf(idleUpdates, (update) => idleFleet(settlingLooks + update));
const busy = await costOf(costUpdates, busyAt);
for (let look = 1; look <= courseLooks; look++) model.take(busyAt(look));

const marks: Mark[] = [];
for (let update = 1; update <= updates; update++) {
  make(tour[update % tour.length]!);
  await draw(busyAt(update));
  if (update % Math.ceil(updates / marksTaken) !== 0) continue;
  const mark = markAfter(update);
  marks.push(mark);
  // A long run that is cut short has shown something all the same.
  console.error(JSON.stringify(mark));
}
end.abort();
await session;
const slope = (read: (mark: Mark) => number) => rounded(slopeOf(marks, read));
console.log(
  JSON.stringify({
    ...{ updates, idle, busy, marks },
    bytesPerUpdate: {
      heap: slope(({ heap }) => heap),
      external: slope(({ external }) => external),
      layout: slope(({ layout }) => layout),
      rss: slope(({ rss }) => rss),
    },
  }),
);

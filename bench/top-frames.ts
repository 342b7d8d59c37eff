/**
 * What frames of `odin top` cost, drawn to a terminal that is not there: how many bytes, how much CPU,
 * and what stays in memory. `node --expose-gc bench/top-frames.ts [updates]` prints JSON, and memory
 * on stderr as it goes; it needs a build.
 */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { FakeTerminal } from '../test/support/fake-terminal.ts';
import { reportOf, shardOf, snapshotAt, up } from '../test/support/fleet.ts';

// React reads it when it is loaded, as in `odin top`.
process.env['NODE_ENV'] = 'production';

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
const idleUpdates = 30;
/** Until the courses show nothing of what was before; the terminal has room for fewer looks. */
const settlingUpdates = 120;

const model = new FleetModel();
let shown = { figures: model.take(snapshotAt(0, [])), replay: undefined };
let notify = () => {};
const source = {
  isRecording: false,
  shown: () => shown,
  subscribe: (onChange: () => void) => {
    notify = onChange;
    return () => {};
  },
  looksAt: () => {},
  act: async () => undefined,
};

/** Three nodes; of a busy fleet every figure differs from one second to the next. */
function push(second: number, isIdle: boolean): void {
  const at = isIdle ? 0 : second;
  const noise = (range: number) => (isIdle ? 0 : Math.round(Math.sin(second * 1.7) * range));
  const nodes = ['a', 'b', 'c'].map((name, index) =>
    up(
      reportOf({
        ...{ node: `node-${name}`, seconds: second, clients: 9_000 + noise(900) + index },
        ...{
          inPerSecond: isIdle ? 0 : 200 + (at % 7),
          outPerSecond: isIdle ? 0 : 90_000 + (at % 977),
        },
        cpuPercent: 40 + noise(30),
        more: () => ({ shards: [shardOf(0, { connections: at % 500 }), shardOf(1)] }),
      }),
    ),
  );
  shown = { figures: model.take(snapshotAt(second, nodes)), replay: undefined };
  notify();
}

/** Each update is drawn: React and ink have a turn, and ink's shortest pause between frames. */
async function drawn(): Promise<void> {
  await turn();
  await sleep(2);
}

function heapMiB(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return Math.round((process.memoryUsage().heapUsed / 1024 ** 2) * 10) / 10;
}

const end = new AbortController();
const terminal = new FakeTerminal({ columns: 120, rows: 40, signal: end.signal });
const view = createElement(TopView, {
  ...{ source, tab: 'overview' as const, glyphs: unicodeGlyphs, paint: createPaint(true) },
});
const session = runInTerminal(view, terminal, { isFullScreen: true, maxFps: 1_000 });
await drawn();

const marks: { updates: number; heapMiB: number }[] = [];
const cpuBefore = process.cpuUsage();
const bytesBefore = terminal.stdout.bytes;
for (let update = 1; update <= updates; update++) {
  push(update, false);
  await drawn();
  if (update % Math.ceil(updates / 10) === 0) {
    terminal.stdout.clear();
    const mark = { updates: update, heapMiB: heapMiB() };
    marks.push(mark);
    // A long run that is cut short has shown something all the same.
    console.error(JSON.stringify(mark));
  }
}
const { user, system } = process.cpuUsage(cpuBefore);
const busyBytes = (terminal.stdout.bytes - bytesBefore) / updates;

// The first quiet looks still show the end of what was: rates that fall to nothing.
for (let update = 1; update <= settlingUpdates; update++) {
  push(updates + update, true);
  await drawn();
}
const idleBefore = terminal.stdout.bytes;
for (let update = 1; update <= idleUpdates; update++) {
  push(updates + settlingUpdates + update, true);
  await drawn();
}
const idleBytes = (terminal.stdout.bytes - idleBefore) / idleUpdates;
end.abort();
await session;
const round = (value: number) => Math.round(value * 10) / 10;
console.log(
  JSON.stringify({
    updates,
    bytesPerUpdate: round(busyBytes),
    bytesPerIdleUpdate: round(idleBytes),
    cpuMsPerUpdate: round((user + system) / 1_000 / updates),
    marks,
  }),
);

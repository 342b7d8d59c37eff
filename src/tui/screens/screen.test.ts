/** Screens as text, at the sizes of small and large terminals; the files beside show them. */
import { expect, test } from 'vitest';
import {
  down,
  publishing,
  reportOf,
  shardOf,
  snapshotAt,
  up,
} from '../../../test/support/fleet.ts';
import type { FleetSnapshot } from '../../protocol/fleet-snapshot.ts';
import type { StatusReport } from '../../protocol/status-report.ts';
import type { FleetFigures } from '../fleet-figures.ts';
import { FleetModel } from '../fleet-model.ts';
import { asciiGlyphs, unicodeGlyphs } from '../glyphs.ts';
import { type TabName, tabs } from '../keymap.ts';
import { textOf, widthOf } from '../line.ts';
import { statusText } from '../status-text.ts';
import { initialState, press, type ViewState } from '../view-state.ts';
import { contextOf, type ScreenInput, screenLines } from './screen.ts';
import { firstSorts } from './tables.ts';

const sections = (): Partial<StatusReport> => ({
  channels: {
    rows: [
      { channel: 'BTC.trade', events_per_s: 12.5, subscribers: 900 },
      { channel: 'ETH.trade', events_per_s: 40, subscribers: 10 },
    ],
    ...{ left_out: 31, window_s: 10 },
  },
  clients: {
    rows: [
      {
        ...{ client: 'node-a-1f', user: 'u\u001B[31mser', address: '10.0.0.9', subscriptions: 4 },
        ...{ behind: true, throttle: 2, lag_events: 5_300, lag_ms: 2_600, buffered_bytes: 70_000 },
      },
    ],
    left_out: 0,
  },
  partitions: {
    rows: [
      { topic: 'odin.trades', partition: 3, next: 100, high: 180, lag_records: 80 },
      { topic: 'odin.social', partition: 0, next: 7, high: 7, lag_records: 0 },
    ],
    left_out: 0,
  },
});

const machineAt = (seconds: number) => ({
  ...{ name: 'host-1', system: 'linux 6.1.0 x64, node 24.1.0', cpus: 8, load: 2.5 },
  ...{ cpu_busy_ms: 3_000 * seconds, cpu_idle_ms: 5_000 * seconds },
  ...{ memory_bytes: 32 * 1024 ** 3, memory_free_bytes: 8 * 1024 ** 3 },
});

/** Three nodes for a minute: one with shards, one in trouble, and one that goes away. */
function fleetAt(seconds: number): FleetSnapshot {
  const wave = 1_000 + Math.round(400 * Math.sin(seconds / 6));
  const a = reportOf({
    ...{ node: 'node-a', seconds, clients: wave, inPerSecond: 200, outPerSecond: 100_000 },
    cpuPercent: 35,
    more: () => ({
      ...sections(),
      ...{ mode: 'multi', machine: machineAt(seconds) },
      shards: [shardOf(0), shardOf(1, { state: 'warming', restarts: 2, connections: 0 })],
    }),
  });
  const b = reportOf({
    ...{ node: 'node-b', seconds, clients: 9_800, inPerSecond: 200, outPerSecond: 200_000 },
    cpuPercent: 96,
    more: ({ guard, connections, broker }) => ({
      ready: false,
      guard: { ...guard, level: 3, refusing: 'CPU_OVERLOAD', transitions: 7 },
      connections: {
        ...connections,
        ...{ behind: 12, throttled: { light: 3, medium: 2, heavy: 1 }, fell_behind: 120 },
        ...{ refused: { CPU_OVERLOAD: 10 * seconds }, closed: { client: 40, tooSlow: 3 } },
      },
      broker: {
        ...broker,
        ...{ kind: 'kafka', paused: true, paused_for: ['guard'], lag_records: 4_200, lag_s: 3.25 },
        pauses: { guard: 2 },
      },
    }),
  });
  const c = reportOf({ node: 'node-c', seconds, clients: 10 });
  const publisher = { url: 'http://127.0.0.1:3003', state: 'up', problem: null } as const;
  const metrics = {
    ...{ odin_loadtest_clients_target: 1_000, odin_loadtest_clients_active: 998 },
    ...{
      odin_loadtest_events_received_total: seconds * 50_000,
      odin_loadtest_elapsed_seconds: seconds,
    },
    'odin_loadtest_phase{phase="ramp"}': 0,
    'odin_loadtest_phase{phase="hold"}': 1,
    'odin_loadtest_latency_quantile_seconds{quantile="0.5"}': 0.0042,
    'odin_loadtest_latency_quantile_seconds{quantile="0.99"}': Number.NaN,
  };
  return snapshotAt(seconds, [up(a), up(b), seconds > 50 ? down('http://node-c:3004') : up(c)], {
    publisher: { ...publisher, took_ms: 1, report: publishing },
    loadtest: { ...publisher, url: 'http://127.0.0.1:9464', took_ms: 1, report: metrics },
  });
}

function figuresAfter(snapshots: readonly FleetSnapshot[]): FleetFigures {
  const model = new FleetModel();
  for (const snapshot of snapshots) model.take(snapshot);
  return model.figures!;
}

const minute = figuresAfter(Array.from({ length: 61 }, (_, at) => fleetAt(at)));

function inputOf(
  given: Partial<ScreenInput> & { tab?: TabName; look?: Partial<ViewState> },
): ScreenInput {
  const { tab = 'overview', look = {}, ...rest } = given;
  return {
    figures: minute,
    replay: undefined,
    isRecording: false,
    state: { ...initialState(tab, firstSorts), ...look },
    size: { columns: 80, rows: 24 },
    glyphs: unicodeGlyphs,
    ...rest,
  };
}

const drawn = (input: ScreenInput) => `${screenLines(input).map(textOf).join('\n')}\n`;

const sizes = [
  { columns: 80, rows: 24 },
  { columns: 200, rows: 50 },
];

test.each(tabs.flatMap((tab) => sizes.map((size) => ({ tab, size }))))(
  '$tab at $size.columns×$size.rows',
  async ({ tab, size }) => {
    const file = `./pictures/${tab}-${size.columns}x${size.rows}.txt`;
    await expect(drawn(inputOf({ tab, size }))).toMatchFileSnapshot(file);
  },
);

test('one node in full, with signs of ASCII', async () => {
  const input = inputOf({ look: { node: 'http://node-b:3004' }, glyphs: asciiGlyphs });
  const text = drawn(input);
  expect(text).toMatch(/^[\n\x20-\x7e]*$/);
  await expect(text).toMatchFileSnapshot('./pictures/node-80x24-ascii.txt');
});

test('the help, the details of a row, a filter that is typed, and a question', () => {
  const isHelp = drawn(inputOf({ look: { isHelp: true } }));
  expect(isHelp).toContain('any key: back');
  expect(isHelp).not.toContain('in a higher terminal');
  const low = drawn(inputOf({ look: { isHelp: true }, size: { columns: 40, rows: 12 } }));
  expect(low).toMatch(/^ {2}[1-9]\d? more in a higher terminal$/m);
  expect(isHelp).toContain('Tab');
  const input = inputOf({ tab: 'clients' });
  const [row] = contextOf(input).rowKeys;
  const details = drawn(inputOf({ tab: 'clients', look: { row: row! } }));
  expect(details).toMatch(/SUBSCRIPTIONS +4/);
  // What a client calls itself cannot drive the operator's terminal.
  expect(details).toMatch(/USER +u\?\[31mser/);
  expect(drawn(inputOf({ look: { prompt: { kind: 'filter', text: 'no' } } }))).toContain(
    'filter: no_',
  );
  expect(drawn(inputOf({ look: { prompt: { kind: 'stop', text: '' } } }))).toContain(
    'stop publishing? y / n',
  );
  expect(drawn(inputOf({ look: { message: 'done' } }))).toContain(' done');
});

test('before the first look, while held, recorded and replayed, it says so', () => {
  expect(drawn(inputOf({ figures: undefined }))).toContain('looking …');
  expect(drawn(inputOf({ look: { isPaused: true }, isRecording: true }))).toContain(
    'HELD recording',
  );
  const replay = { at: 3, count: 9, isPlaying: true };
  expect(drawn(inputOf({ replay }))).toContain('playing 3/9');
});

test('every screen fills its terminal and none is wider, whatever its size', () => {
  for (const tab of tabs) {
    for (let columns = 1; columns <= 210; columns += columns < 45 ? 1 : 23) {
      for (const rows of [1, 2, 9, 10, 11, 24, 60]) {
        const lines = screenLines(inputOf({ tab, size: { columns, rows } }));
        expect(lines).toHaveLength(rows);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      }
    }
  }
});

test('what is wrong is said of each node, worst of all one that does not answer', () => {
  const text = drawn(inputOf({ size: { columns: 120, rows: 40 } }));
  expect(text).toContain('node-c: away for 9s: nobody listens there');
  expect(text).toContain('node-b: new clients are refused: CPU_OVERLOAD');
  expect(text).toContain('node-a: shard 1 serves no clients: it is warming');
  const partitions = { rows: [], left_out: 0 };
  const idle = figuresAfter([
    snapshotAt(0, [up(reportOf({ seconds: 1, more: () => ({ partitions }) }))]),
  ]);
  expect(statusText(idle, asciiGlyphs, 'broker')).toContain('the broker has had no event yet');
  const more = () => ({ silent_shards: [0] });
  const silent = figuresAfter([snapshotAt(0, [up(reportOf({ seconds: 1, more }))])]);
  expect(statusText(silent, asciiGlyphs)).toContain('shard 0 does not answer: its figures are old');
});

test('a node that returns under another name keeps the mark, and those of one machine differ', () => {
  const named = (names: readonly string[]) =>
    figuresAfter([
      snapshotAt(
        0,
        names.map((name, at) => {
          const machine = machineAt(1);
          const report = reportOf({ node: name, seconds: 1, more: () => ({ machine }) });
          return up(report, `http://10.0.0.1:300${at}`);
        }),
      ),
    ]);
  const before = inputOf({ figures: named(['host-1-b1', 'host-1-a2', 'host-1-c3']) });
  const { state } = press(before.state, 'down', contextOf(before));
  const after = { ...before, state, figures: named(['host-1-00', 'host-1-a2', 'host-1-c3']) };
  const marked = (input: ScreenInput) => /▶ (\S+)/.exec(drawn(input))?.[1];
  expect([marked({ ...before, state }), marked(after)]).toEqual(['host-1-b1', 'host-1-00']);
  for (const columns of [40, 80]) {
    const size = { columns, rows: 24 };
    const hosts = drawn({ ...after, size, state: initialState('hosts', firstSorts) });
    for (const name of ['host-1-00', 'host-1-a2', 'host-1-c3']) expect(hosts).toContain(name);
  }
});

test('as plain text nothing is cut off, and one node is shown in full', async () => {
  const text = statusText(minute, unicodeGlyphs);
  expect(text).toMatch(/node-b +not ready +9\.8k/);
  expect(text).toContain('2 of 3 nodes up');
  const one = figuresAfter([snapshotAt(0, [up(reportOf({ seconds: 1, clients: 3 }))])]);
  expect(statusText(one, asciiGlyphs)).toMatch(/ clients +3 of 10\.0k/);
  for (const tab of tabs) expect(statusText(minute, unicodeGlyphs, tab)).toMatch(/\n$/);
  expect(statusText(minute, unicodeGlyphs, 'channels')).toMatch(/ETH\.trade +node-a +40 /);
});

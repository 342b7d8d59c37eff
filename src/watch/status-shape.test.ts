import { expect, test } from 'vitest';
import { reportOf, shardOf, snapshotAt, up } from '../../test/support/fleet.ts';
import type { StatusReport } from '../protocol/status-report.ts';
import { FleetModel } from '../tui/fleet-model.ts';
import { asciiGlyphs } from '../tui/glyphs.ts';
import { tabs } from '../tui/keymap.ts';
import { statusText } from '../tui/status-text.ts';
import { faultOfReport } from './status-shape.ts';

/** A report in which everything is said that can be. */
function whole(seconds: number): StatusReport {
  const rest = { ...{ behind: true, throttle: 1, lag_events: 1, lag_ms: 1 }, buffered_bytes: 1 };
  const memory = { memory_bytes: 2, memory_free_bytes: 1 };
  const cpu = { cpu_busy_ms: seconds, cpu_idle_ms: seconds };
  return reportOf({
    seconds,
    more: (report) => ({
      mode: 'multi',
      shards: [shardOf(0), shardOf(1, { state: 'warming' })],
      silent_shards: [1],
      drain: { reason: 'drain', clients: 2, remaining: 1, elapsed_ms: 1, budget_ms: 1 },
      broker: { ...report.broker, paused: true, paused_for: ['guard'], last_error: 'gone' },
      guard: { ...report.guard, level: 2, refusing: 'CPU_OVERLOAD' },
      channels: {
        rows: [{ channel: 'BTC.trade', events_per_s: 1, subscribers: 2 }],
        ...{ left_out: 1, window_s: 10 },
      },
      clients: {
        rows: [{ client: 'a', user: 'u', address: '::1', subscriptions: 1, ...rest }],
        left_out: 0,
      },
      partitions: {
        rows: [{ topic: 't', partition: 0, next: 1, high: 2, lag_records: 1 }],
        left_out: 0,
      },
      machine: { ...{ name: 'host', system: 'linux', cpus: 2, load: 1 }, ...cpu, ...memory },
    }),
  });
}

/** All places in a value, from the outside in. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inside = Object.entries(value).flatMap(([key, one]) => placesIn(one, [...path, key]));
  return path.length === 0 ? inside : [path, ...inside];
}

function withOther(report: StatusReport, path: readonly string[], value: unknown): StatusReport {
  const copy = structuredClone(report);
  const last = path.at(-1) as string;
  const parent = path
    .slice(0, -1)
    .reduce(
      (at, key) => at[key] as Record<string, unknown>,
      copy as never as Record<string, unknown>,
    );
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

test('a report is whole as nodes make it, and lacks what it lacks', () => {
  expect(faultOfReport(whole(1))).toBeUndefined();
  expect(faultOfReport(reportOf({ seconds: 1 }))).toBeUndefined();
  const missing = withOther(whole(1), ['broker', 'lag_records'], undefined);
  expect(faultOfReport(missing)).toBe('broker.lag_records');
  expect(faultOfReport(withOther(whole(1), ['shards', '1', 'pid'], 'x'))).toBe('shards.1.pid');
});

test('whatever is wrong in a report is found, or can be shown all the same', () => {
  const [before, now] = [whole(1), whole(2)];
  let found = 0;
  for (const path of placesIn(now)) {
    for (const value of [undefined, null, 'text', -1, true, [7], { a: 'b' }]) {
      const odd = withOther(now, path, value);
      if (faultOfReport(odd) !== undefined) found++;
      else {
        const model = new FleetModel();
        const others = path.length % 2 === 0 ? [] : [up(now, 'http://b:1')];
        model.take(snapshotAt(1, [up(before, 'http://a:1')]));
        const figures = model.take(snapshotAt(2, [up(odd, 'http://a:1'), ...others]));
        for (const tab of tabs)
          expect(statusText(figures, asciiGlyphs, tab), `${path}`).toBeTypeOf('string');
      }
    }
  }
  expect(found).toBeGreaterThan(500);
});

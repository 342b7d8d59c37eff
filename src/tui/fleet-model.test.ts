import { expect, test } from 'vitest';
import { down, publishing, reportOf, shardOf, snapshotAt, up } from '../../test/support/fleet.ts';
import type { StatusReport } from '../protocol/status-report.ts';
import { Course } from './course.ts';
import { FleetModel } from './fleet-model.ts';
import { ratesBetween } from './node-rates.ts';

test('rates are what two reports differ in, by the clock that is never set', () => {
  const doing = { clients: 10, inPerSecond: 100, outPerSecond: 1_000, cpuPercent: 25 };
  const before = reportOf({ ...doing, seconds: 10 });
  const now = { ...reportOf({ ...doing, seconds: 12 }), time_ms: 0 };
  expect(ratesBetween(before, now)).toMatchObject({
    ...{ accepted: 0, ingested: 100, ingestedBytes: 20_000, delivered: 1_000, sentBytes: 220_000 },
    ...{ flushes: 100, eventsPerFlush: 1, cpuPercent: 25, errors: 0, machinePercent: undefined },
  });
  expect(ratesBetween(before, now)!.p99Ms).toBeCloseTo(2 + 3 * 0.99);
  expect(ratesBetween(before, now)!.p50Ms).toBeCloseTo(3.5);
});

test('an interval without events has no latency, and counts by label are added up', () => {
  const before = reportOf({ seconds: 1 });
  const { connections, messages } = reportOf({ seconds: 2 });
  const now = {
    ...reportOf({ seconds: 2 }),
    connections: { ...connections, refused: { AT_CAPACITY: 3, DRAINING: 1 }, fell_behind: 2 },
    messages: { ...messages, skipped: { malformed: 5 } },
  };
  expect(ratesBetween(before, now)).toMatchObject({ refused: 4, errors: 7, p99Ms: undefined });
});

test('another process has no rates at first, nor has the same report again', () => {
  const before = reportOf({ seconds: 10, inPerSecond: 100 });
  const restarted = reportOf({ seconds: 11, inPerSecond: 100 });
  const other = { ...restarted, process: { ...restarted.process, pid: 1 } };
  expect(ratesBetween(before, other)).toBeUndefined();
  expect(ratesBetween(before, { ...restarted, instance: 'i2' })).toBeUndefined();
  expect(ratesBetween(before, before)).toBeUndefined();
});

test('CPU is that of all processes of a node; a new shard counts from its start', () => {
  const withShards = (seconds: number, shards: ReturnType<typeof shardOf>[]) =>
    reportOf({ seconds, cpuPercent: 10, more: () => ({ shards }) });
  const before = withShards(1, [shardOf(0, { cpu_ms: 500 }), shardOf(1, { cpu_ms: 900 })]);
  const now = withShards(2, [shardOf(0, { cpu_ms: 800 }), shardOf(1, { cpu_ms: 100, pid: 9 })]);
  expect(ratesBetween(before, now)!.cpuPercent).toBeCloseTo(10 + 30 + 10);
});

test('nodes of one id are told apart by where they are, others are called by their id', () => {
  const twin = (instance: string) => reportOf({ node: 'twin', instance, seconds: 1 });
  const nodes = [
    ...[up(twin('i1'), 'http://10.0.0.1:3004'), up(twin('i2'), 'https://10.0.0.2')],
    ...[up(reportOf({ node: 'other', seconds: 1 })), down('http://10.0.0.3:3004')],
  ];
  expect(new FleetModel().take(snapshotAt(0, nodes)).nodes.map(({ name }) => name)).toEqual([
    ...['twin 10.0.0.1:3004', 'twin 10.0.0.2', 'other', '10.0.0.3:3004'],
  ]);
});

test('a node that is watched under two addresses is one, whichever of them answers', () => {
  const model = new FleetModel();
  const report = reportOf({ seconds: 1, clients: 7 });
  const [a, b] = ['http://10.0.0.1:3004', 'http://node-a:3004'];
  const look = (at: number, ...sights: Parameters<typeof snapshotAt>[1]) =>
    model.take(snapshotAt(at, sights)).nodes;
  expect(look(0, down(a), up(report, b))).toHaveLength(2);
  expect(look(1, up(report, a), up(report, b))).toMatchObject([
    { url: a, sight: { url: a }, elsewhere: [{ url: b, state: 'up' }] },
  ]);
  expect(look(2, down(a), up(report, b))).toMatchObject([
    { url: a, sight: { url: b, state: 'up' }, elsewhere: [{ url: a, state: 'away' }] },
  ]);
  expect(look(3, down(a), down(b))).toMatchObject([{ url: a, sight: { url: a, state: 'away' } }]);
});

test('a node behind a load balancer has the rates of the address that always leads to it', () => {
  const model = new FleetModel();
  const [balancer, direct] = ['http://balancer:3004', 'http://10.0.0.1:3004'];
  const of = (node: string, seconds: number) => reportOf({ node, seconds, inPerSecond: 10 });
  model.take(snapshotAt(0, [up(of('b', 50), balancer), up(of('a', 1), direct)]));
  const { nodes } = model.take(snapshotAt(1, [up(of('a', 2), balancer), up(of('a', 2), direct)]));
  expect(nodes).toMatchObject([{ url: balancer, sight: { url: direct }, rates: { ingested: 10 } }]);
});

test('nodes of an older version, which do not name their start, count once for each address', () => {
  const { instance: _, ...older } = reportOf({ seconds: 1 });
  const sights = ['http://a:1', 'http://b:1'].map((url) => up(older as StatusReport, url));
  expect(new FleetModel().take(snapshotAt(0, sights)).nodes).toHaveLength(2);
});

test('the machine of a node is remembered while another tab is looked at, or it is away', () => {
  const model = new FleetModel();
  const machine = { name: 'host-1' } as NonNullable<StatusReport['machine']>;
  const looks = [
    up(reportOf({ seconds: 1, more: () => ({ machine }) })),
    up(reportOf({ seconds: 2 })),
    down('http://node-a:3004'),
  ];
  const names = looks.map((sight, at) => model.take(snapshotAt(at, [sight])).nodes[0]!.machine);
  expect(names).toEqual(['host-1', 'host-1', 'host-1']);
});

test('a node that does not answer keeps its last report, says since when, and has no rates', () => {
  const model = new FleetModel();
  const doing = { clients: 5, inPerSecond: 10 };
  const url = 'http://node-a:3004';
  model.take(snapshotAt(0, [up(reportOf({ ...doing, seconds: 0 }))]));
  model.take(snapshotAt(1, [up(reportOf({ ...doing, seconds: 1 }))]));
  for (const seconds of [2, 3]) model.take(snapshotAt(seconds, [down(url)]));
  const [away] = model.figures!.nodes;
  expect(away).toMatchObject({ url, sight: { state: 'away' }, rates: undefined });
  expect(away!.report!.connections.current).toBe(5);
  expect(model.figures!.timeMs - away!.sinceMs).toBe(1_000);
  const { nodes } = model.take(snapshotAt(4, [up(reportOf({ ...doing, seconds: 4 }))]));
  expect(nodes[0]!.rates!.ingested).toBe(10);
  expect(nodes[0]!.courses.ingested.last(9)).toEqual([undefined, 10, undefined, undefined, 10]);
  expect(nodes[0]!.courses.connections.last(9)).toEqual([5, 5, undefined, undefined, 5]);
});

test('metrics that grow have rates; the publisher has a course', () => {
  const model = new FleetModel();
  const sight = (report: Record<string, number>) =>
    ({ url: 'http://x', state: 'up', problem: null, took_ms: 1, report }) as const;
  const publisher = { ...sight({}), report: publishing };
  model.take(snapshotAt(0, [], { publisher, loadtest: sight({ a_total: 5, b: 5 }) }));
  const { loadtest, publisher: shown } = model.take(
    snapshotAt(2, [], { publisher, loadtest: sight({ a_total: 25, b: 25, c_total: 1 }) }),
  );
  expect(loadtest!.metrics.map(({ perSecond }) => perSecond)).toEqual([10, undefined, undefined]);
  expect(shown!.course.last(5)).toEqual([199.8, 199.8]);
  const gone = { ...sight({}), state: 'away', report: null } as const;
  const after = model.take(snapshotAt(3, [], { publisher: gone, loadtest: gone }));
  expect(after.publisher!.report!.published).toBe(12_000);
  expect(after.loadtest!.metrics).toHaveLength(3);
});

test('a course remembers its newest values', () => {
  const course = new Course(3);
  for (const value of [1, 2, undefined, 4, 5]) course.push(value);
  expect(course.last(9)).toEqual([undefined, 4, 5]);
  expect(course.last(2)).toEqual([4, 5]);
  expect(course.last(0)).toEqual([]);
});

test('nodes that come and go, as in a recording of many, are forgotten', () => {
  const model = new FleetModel();
  for (let at = 0; at < 300; at++) model.take(snapshotAt(at, [down(`http://n${at}:1`)]));
  expect(model.take(snapshotAt(300, [down('http://n0:1')])).nodes[0]!.sinceMs).toBe(
    snapshotAt(300, []).time_ms,
  );
});

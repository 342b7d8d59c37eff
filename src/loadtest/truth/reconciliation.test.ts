/** Tests of reconciliation.ts: what it means that counts differ. */
import { expect, test } from 'vitest';
import { stateOf, workerReport } from '../../../test/support/worker-states.ts';
import { totalsOf } from '../workers/totals.ts';
import type { WorkerReport } from '../workers/worker-messages.ts';
import { type Reconciliation, reconcile } from './reconciliation.ts';
import type { PublisherCounts, ServerCounts, Testimony } from './witnesses.ts';

const server: ServerCounts = {
  ...{ node: 'n1', uptimeSeconds: 9, ingested: 500, notIngested: 0, delivered: 9_000, spared: 0 },
  ...{ clients: 0, accepted: 40, shardRestarts: 1, ready: true, guardLevel: 0, behind: 0 },
};
const publisher: PublisherCounts = { published: 100, failed: 0, elapsedMs: 5_000 };

const kept = { ...workerReport().connections, dropped: 0, reconnected: 0, upgraded: 5 };

interface Given {
  readonly begin?: Partial<ServerCounts>;
  readonly stop?: Partial<ServerCounts>;
  readonly end?: Partial<ServerCounts>;
  readonly published?: number;
  readonly publisher?: Testimony<PublisherCounts> | undefined;
  readonly messages?: Partial<WorkerReport['messages']>;
  readonly connections?: Partial<WorkerReport['connections']>;
  /** What good clients received, and their latency, where there are slow ones. */
  readonly good?: { readonly received: number; readonly p99Ms?: number };
}

/** 2 000 events for five clients in ten seconds, unless told otherwise. */
function reconciled({ begin, stop, end, published = 2_000, messages, ...more }: Given) {
  const connections = { ...kept, ...more.connections };
  const last = {
    ...server,
    uptimeSeconds: 19,
    ingested: 2_500,
    delivered: 19_000,
    clients: 5,
    accepted: 45,
  };
  const before = 'publisher' in more ? more.publisher : publisher;
  const after = { ...publisher, published: publisher.published + published };
  const totals = totalsOf([
    stateOf(workerReport({ received: 10_000, ...messages }, { connections })),
  ]);
  const { good } = more;
  // Slow ones are late.
  if (good !== undefined) totals.latency.record(8_000, 1_000);
  const ofGood = totalsOf([stateOf(workerReport({ received: good?.received ?? 0 }))]);
  if (good?.p99Ms !== undefined) ofGood.latency.record(good.p99Ms, 1_000);
  return reconcile({
    before: { server: { ...server, ...begin }, publisher: before },
    atStop: { server: { ...last, ...stop }, publisher: before && after },
    after: { server: { ...last, ...end }, publisher: before && after },
    totals,
    good: good === undefined ? totals : ofGood,
    hasSlow: good !== undefined,
    durationMs: 10_000,
  });
}

const of = 'delivered-received';

const stepOf = ({ steps }: Reconciliation, between: string) =>
  steps.find((step) => step.between === between);

test('equal counts of all sides agree', () => {
  const found = reconciled({});
  expect(found).toMatchObject({
    ...{ published: 2_000, ingested: 2_000, expected: 10_000, received: 10_000 },
    delivered: { atLeast: 10_000, atMost: 10_000 },
    ...{ otherClients: 0, complaints: [] },
  });
  expect(found.steps.map(({ ok, difference }) => [ok, difference])).toEqual([
    [true, 0],
    [true, 0],
    [true, 0],
  ]);
});

test('what is between the two questions is no difference', () => {
  const found = reconciled({ stop: { delivered: 18_000 }, end: { delivered: 20_000 } });
  expect(stepOf(found, 'delivered-received')).toMatchObject({ difference: 0, ok: true });
});

test.each<[string, Given, string, number, RegExp]>([
  ['a server behind the broker', { published: 3_000 }, 'published-ingested', -1_000, /behind/],
  ['another publisher', { published: 1_000 }, 'published-ingested', 1_000, /somebody else/],
  [
    'deliveries that did not arrive',
    { messages: { received: 9_000 } },
    'delivered-received',
    -1_000,
    /not received here: still in its sockets, or lost/,
  ],
  [
    'clients of others',
    { messages: { received: 9_000 }, begin: { clients: 12 } },
    'delivered-received',
    -1_000,
    /12 other clients/,
  ],
  [
    'others that came meanwhile',
    { messages: { received: 9_000 }, end: { accepted: 48 } },
    'delivered-received',
    -1_000,
    /3 other clients/,
  ],
  [
    'another server behind the address',
    { messages: { received: 20_000 } },
    'delivered-received',
    10_000,
    /another server answers/,
  ],
  [
    'a shard that was killed, of which no other server is to blame',
    { messages: { received: 20_000 }, end: { shardRestarts: 2 } },
    'delivered-received',
    10_000,
    /^a shard of the server ended, and what it delivered after its last report is not counted$/,
  ],
  [
    'storms',
    {
      messages: { received: 9_000 },
      connections: { stormed: 40, reconnected: 40, upgraded: 48 },
      end: { accepted: 88 },
    },
    'delivered-received',
    -1_000,
    /^events were on their way to clients that dropped out in storms$/,
  ],
  [
    'storms with others, of which nobody can tell which it was',
    {
      messages: { received: 9_000 },
      connections: { stormed: 40, reconnected: 38, upgraded: 45 },
      end: { accepted: 90 },
    },
    'delivered-received',
    -1_000,
    /^it may be that the server had 3 other clients, or that events were on their way to clients/,
  ],
])('%s: a difference with its meaning', (_, given, between, difference, meaning) => {
  const step = stepOf(reconciled(given), between);
  expect(step).toMatchObject({ difference, ok: false });
  expect(step?.meaning).toMatch(meaning);
});

test('late slow clients make room for no difference of the others', () => {
  const step = stepOf(reconciled({ messages: { received: 9_500 }, good: { received: 2_000 } }), of);
  expect(step).toMatchObject({ difference: -500, tolerance: 101, ok: false });
  expect(step?.meaning).toBe('slow clients have not read all that was written to them');
});

test('what slow clients are known to lack is told apart', () => {
  const messages = { received: 9_500, lost: 450 };
  const step = stepOf(reconciled({ messages, good: { received: 2_000 } }), of);
  expect(step).toMatchObject({ difference: -500, tolerance: 551, ok: true });
  expect(step?.meaning).toMatch(/on its way, and up to 450 that clients which misbehave did not/);
});

test('where more than a tenth may be on its way, nobody can tell', () => {
  const good = { received: 8_000, p99Ms: 4_000 };
  const step = stepOf(reconciled({ messages: { received: 8_000 }, good }), of);
  expect(step).toMatchObject({ difference: -2_000, tolerance: 1_001, ok: false });
  expect(step?.meaning).toMatch(/^nobody can tell: [\d ,]+ may be on their way$/);
});

test('what clients had to get is what came once and what did not', () => {
  const messages = { received: 10_000, duplicated: 10, lost: 4, skipped: 3, unexpected: 2 };
  const found = reconciled({ messages });
  expect(found.expected).toBe(10_000 - 10 - 2 + 4 + 3);
  expect(stepOf(found, 'expected-received')).toEqual({
    ...{ between: 'expected-received', difference: 5, tolerance: 0, ok: false },
    meaning:
      '4 lost, 3 left out by the server, as it told, 10 received twice, 2 of channels not asked for',
  });
});

test('a side that was not asked, or did not answer, has no counts instead of zeros', () => {
  expect(reconciled({ publisher: undefined })).toMatchObject({ published: null, complaints: [] });
  const silent = reconciled({ publisher: { complaint: 'http://p/stats: status 500' } });
  expect(silent).toMatchObject({ published: null, complaints: ['http://p/stats: status 500'] });
  expect(stepOf(silent, 'published-ingested')).toBeUndefined();
});

test('counts of a server or publisher that was started anew have no common begin', () => {
  const other = reconciled({ end: { node: 'n2' } });
  expect(other).toMatchObject({ ingested: null, delivered: null });
  expect(other.complaints).toEqual([expect.stringContaining('the server was replaced')]);
  // The same node, started anew in the run, which has delivered more since than before.
  expect(reconciled({ end: { uptimeSeconds: 8 } }).complaints).toEqual(other.complaints);
  expect(reconciled({ published: -50 }).complaints).toEqual([
    'the publisher was started anew during the run',
  ]);
});

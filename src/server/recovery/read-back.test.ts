/** Reading back within its limits, and once for all who ask. */
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import type { Broker, ReadBackRequest, ReadBackResult } from '../../broker/broker.ts';
import { createLog } from '../../host/log.ts';
import { Counters } from '../reporting/counters.ts';
import { ReadBack } from './read-back.ts';

/** One that reads from a broker of which only the answers to that are there. */
function readBackFrom(
  answer: (request: ReadBackRequest) => Promise<ReadBackResult>,
  limits: { maxMs?: number } = {},
) {
  const requests: ReadBackRequest[] = [];
  const broker = {
    readBack: (request: ReadBackRequest) => {
      requests.push(request);
      return answer(request);
    },
  } as unknown as Broker;
  const log = createLog(
    new Writable({ write: (_chunk, _encoding, done) => done() }),
    'fatal',
    'json',
  );
  const all = { maxMessages: 100, maxBytes: 1_000, maxMs: 10_000, ...limits };
  return { readBack: new ReadBack(broker, all, new Counters(), log), requests };
}

function recordsOf({ topic, partition, from, to }: ReadBackRequest): ReadBackResult {
  const records = Array.from({ length: to - from }, (_, n) => {
    const place = { topic, partition, offset: from + n };
    return { ...place, key: 'BTC', value: Buffer.from('x'), timestampMs: 0 };
  });
  return { records, complete: true };
}

/** Answers when it is told to stop, as a broker does that is slow or away. */
function whenStopped({ signal }: ReadBackRequest): Promise<ReadBackResult> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve({ records: [], complete: false }));
  });
}

test('takes no longer than it may, and says then that something is missing', async () => {
  const { readBack } = readBackFrom(whenStopped, { maxMs: 200 });
  const result = await readBack.read('t', 0, { from: 0, to: 5 });
  expect(result).toEqual({ records: [], complete: false });
});

test('at most four reads run at a time, and waiting for a turn is part of the time', async () => {
  let [running, most] = [0, 0];
  const slowly = async (request: ReadBackRequest) => {
    most = Math.max(most, ++running);
    const result = await whenStopped(request);
    running--;
    return result;
  };
  const { readBack } = readBackFrom(slowly, { maxMs: 300 });
  const startMs = performance.now();
  const reads = Array.from({ length: 40 }, (_, n) => readBack.read('t', n, { from: 0, to: 5 }));
  for (const { complete } of await Promise.all(reads)) expect(complete).toBe(false);
  expect(most).toBe(4);
  // One after the other they would take ten times as long.
  expect(performance.now() - startMs).toBeLessThan(9 * 300);
});

test('ends with the server', async () => {
  const { readBack } = readBackFrom(whenStopped);
  const reading = readBack.read('t', 0, { from: 0, to: 5 });
  readBack.stop();
  expect((await reading).complete).toBe(false);
});

test('a broker that fails is not the end of it', async () => {
  const { readBack } = readBackFrom(() => Promise.reject(new Error('away')));
  expect(await readBack.read('t', 0, { from: 0, to: 5 })).toEqual({ records: [], complete: false });
});

test('clients that come together are served by one read, each with its part', async () => {
  const { readBack, requests } = readBackFrom(async (request) => recordsOf(request));
  const froms = [7, 3, 5, 3];
  const results = await Promise.all(froms.map((from) => readBack.read('t', 0, { from, to: 10 })));
  const later = await readBack.read('t', 0, { from: 4, to: 6 });
  expect(requests).toMatchObject([{ from: 3, to: 10, maxRecords: 1_000, maxBytes: 10_000 }]);
  expect(results.map(({ records }) => records[0]?.offset)).toEqual(froms);
  expect(later.records.map(({ offset }) => offset)).toEqual([4, 5]);
});

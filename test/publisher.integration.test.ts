/** The publisher at real rates, with real files, and with a broker that stalls or gives up. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { RemoteError, UsageError } from '../src/base/errors.ts';
import type { OutgoingRecord } from '../src/broker/broker.ts';
import { CollectingProducer, startTestPublisher } from './support/start-publisher.ts';

function timesOf(records: readonly OutgoingRecord[]): number[] {
  return records.map(({ timestampMs }) => timestampMs);
}

test.each([
  [50, 1_000, 50],
  [300, 1_500, 450],
  [7_777, 1_000, 7_777],
  [50_000, 1_000, 50_000],
])('%d events per second for %d ms are exactly %d events', async (rate, durationMs, expected) => {
  await using run = await startTestPublisher({ rate, durationMs: `${durationMs}ms` });
  const totals = await run.publisher.finished;
  expect(totals).toMatchObject({ published: expected, failed: 0, abandoned: 0, badLines: 0 });
  expect(run.producer.records).toHaveLength(expected);
  const times = timesOf(run.producer.records);
  const first = times[0] as number;
  for (const [index, time] of times.entries()) {
    // Half a millisecond of rounding at either end.
    expect(Math.abs(time - first - (index * 1_000) / rate)).toBeLessThanOrEqual(1);
  }
});

test('what is trending and newly listed comes on top of the rate, and counts', async () => {
  await using run = await startTestPublisher({
    rate: 100,
    durationMs: '1s',
    trendingIntervalMs: '100ms',
    newListingIntervalMs: '250ms',
  });
  expect(await run.publisher.finished).toMatchObject({ published: 100 + 9 + 3, failed: 0 });
  const keys = run.producer.records.map(({ key }) => key);
  expect(keys.filter((key) => key === 'global.trending')).toHaveLength(9);
  expect(keys.filter((key) => key === 'global.new_listing')).toHaveLength(3);
});

test('a count ends the run after exactly that many events', async () => {
  await using run = await startTestPublisher({ rate: 5_000, count: 1_234 });
  expect(await run.publisher.finished).toMatchObject({ published: 1_234 });
  expect(run.producer.records).toHaveLength(1_234);
});

test('the same seed publishes the same events', async () => {
  const plain = ({ topic, key, value }: OutgoingRecord) => {
    return `${topic} ${key} ${value.replaceAll(/1\d{12}/g, 'T')}`;
  };
  await using one = await startTestPublisher({ rate: 2_000, count: 500, seed: 9 });
  await using two = await startTestPublisher({ rate: 50_000, count: 500, seed: 9 });
  await Promise.all([one.publisher.finished, two.publisher.finished]);
  expect(one.producer.records.map(plain)).toEqual(two.producer.records.map(plain));
});

test('a change of rate counts from its moment and makes no burst', async () => {
  await using run = await startTestPublisher({ rate: 2_000 });
  await expect.poll(() => run.producer.records.length).toBeGreaterThan(1_000);
  expect(await run.call('POST', '/rate', { rate: 50 })).toEqual({
    status: 200,
    body: { status: 'updated', rate: 50 },
  });
  await expect.poll(() => run.publisher.status().behind).toBe(0);
  const before = run.producer.records.length;
  await expect.poll(() => run.producer.records.length).toBeGreaterThan(before + 50);
  const times = timesOf(run.producer.records);
  const gaps = times.slice(1).map((time, index) => time - (times[index] as number));
  const change = gaps.findIndex((gap) => gap > 1);
  expect(change).toBeGreaterThan(900);
  // The gap across the change is the rest of an interval: up to 20 ms, and each later one is 20.
  expect(gaps[change]).toBeLessThanOrEqual(21);
  for (const gap of gaps.slice(change + 1)) expect(Math.abs(gap - 20)).toBeLessThanOrEqual(1);
});

test('a stalled broker holds events back, nothing is dropped, and the run catches up', async () => {
  const producer = new CollectingProducer();
  producer.stall();
  await using run = await startTestPublisher({ rate: 40_000, durationMs: '1500ms' }, { producer });
  // A busy machine lets events fall due before all that may be under way is.
  await expect.poll(() => run.publisher.status().inFlight).toBe(20_000);
  await expect.poll(() => run.publisher.status().behind).toBeGreaterThan(5_000);
  const stalled = run.publisher.status();
  expect(stalled).toMatchObject({ inFlight: 20_000, published: 0, running: true });
  expect(producer.records).toHaveLength(20_000);
  producer.release();
  const totals = await run.publisher.finished;
  expect(totals).toMatchObject({ published: 60_000, failed: 0, abandoned: 0 });
  expect(totals.behindMax).toBeGreaterThan(5_000);
  const times = timesOf(producer.records);
  expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThanOrEqual(1_499);
  expect(times.every((time, index) => index === 0 || time >= (times[index - 1] as number))).toBe(
    true,
  );
});

test('a stall is told on the log while it lasts, and its end too', async () => {
  const producer = new CollectingProducer();
  producer.stall();
  await using run = await startTestPublisher({ rate: 100 }, { producer });
  const lines = (level: string) => run.logLines.filter((line) => line['level'] === level);
  await expect.poll(() => lines('warn').length).toBe(1);
  expect(lines('warn')[0]).toMatchObject({
    msg: 'behind: the broker is slower than events are due',
    published: 0,
  });
  producer.release();
  await expect.poll(() => lines('info').at(-1)?.['msg']).toBe('caught up with what was due');
  expect(lines('warn')).toHaveLength(1);
});

test('stopping while the broker is stalled says how much was given up', async () => {
  const producer = new CollectingProducer();
  producer.stall();
  await using run = await startTestPublisher({ rate: 50_000 }, { producer });
  await expect.poll(() => run.publisher.status().inFlight).toBe(20_000);
  await expect.poll(() => run.publisher.status().behind).toBeGreaterThan(1_000);
  const stopping = run.publisher.stop();
  producer.release();
  const totals = await stopping;
  expect(totals).toMatchObject({ published: 20_000, failed: 0 });
  expect(totals.abandoned).toBeGreaterThan(1_000);
  expect(run.logLines).toContainEqual(
    expect.objectContaining({
      msg: 'stopped before events that were due',
      abandoned: totals.abandoned,
    }),
  );
  expect(await run.publisher.finished).toEqual(totals);
});

test('the run fails with the reason of a broker that gave up', async () => {
  const producer = new CollectingProducer();
  producer.failure = new RemoteError('kafka://x gave up');
  await using run = await startTestPublisher({ rate: 100 }, { producer });
  await expect(run.publisher.finished).rejects.toThrow('kafka://x gave up');
  expect(run.publisher.status()).toMatchObject({
    published: 0,
    healthy: false,
    running: false,
    error: 'kafka://x gave up',
  });
  expect(run.publisher.status().failed).toBeGreaterThan(0);
  expect((await run.call('GET', '/health')).status).toBe(503);
  expect((await run.call('POST', '/start')).status).toBe(409);
});

function recorded(timestamp: number, holderCount: number): string {
  return JSON.stringify({
    type: 'HOLDER_COUNT_UPDATED',
    token: 'BTC',
    timestamp,
    data: { holderCount, change: 1 },
  });
}

test('a file is played with its own distances and its bad lines are counted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'odin-publisher-'));
  const file = join(folder, 'events.ndjson');
  const lines = [recorded(0, 1), 'oops', recorded(100, 2), '', recorded(400, 3)];
  await writeFile(file, lines.join('\r\n'));
  try {
    await using run = await startTestPublisher({ file, speed: 2 });
    const startedMs = Date.now();
    expect(await run.publisher.finished).toMatchObject({ published: 3, badLines: 1 });
    const times = timesOf(run.producer.records);
    expect(times.map((time) => time - (times[0] as number))).toEqual([0, 50, 200]);
    expect(Math.abs((times[0] as number) - startedMs)).toBeLessThan(30_000);
    expect(run.producer.records.map(({ value }) => JSON.parse(value).data.holderCount)).toEqual([
      1, 2, 3,
    ]);
    expect(run.logLines).toContainEqual(expect.objectContaining({ level: 'warn', line: 2 }));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('standard input is played as it comes, can be paused, and ends the run', async () => {
  const input = new PassThrough();
  await using run = await startTestPublisher({ file: '-' }, { input: () => input });
  input.write(`${recorded(0, 1)}\n`);
  await expect.poll(() => run.producer.records.length).toBe(1);
  expect((await run.call('POST', '/rate', { rate: 5 })).status).toBe(409);
  await run.call('POST', '/stop');
  input.write(`${recorded(1, 2)}\n`);
  // It has to stay where it is.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(run.producer.records).toHaveLength(1);
  await run.call('POST', '/start');
  await expect.poll(() => run.producer.records.length).toBe(2);
  input.end(recorded(2, 3));
  expect(await run.publisher.finished).toMatchObject({ published: 3, badLines: 0 });
});

test('a silent standard input does not keep the publisher from stopping', async () => {
  const input = new PassThrough();
  await using run = await startTestPublisher({ file: '-' }, { input: () => input });
  expect(await run.publisher.stop()).toMatchObject({ published: 0 });
});

test('a file that is not there is a usage error that says so', async () => {
  const failed = await startTestPublisher({ file: '/nowhere/events.ndjson' }).catch(
    (error: unknown) => error,
  );
  expect(failed).toBeInstanceOf(UsageError);
  expect((failed as UsageError).message).toBe(
    '--file: cannot read /nowhere/events.ndjson: no such file',
  );
  expect((failed as UsageError).hint).toBe('see what is there: ls /nowhere');
});

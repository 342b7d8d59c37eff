/** Playing a recording on a clock of the test's own: distances, speed, pauses, order, read-ahead. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { OutgoingRecord } from '../broker/broker.ts';
import { RecordedSource } from './recorded-source.ts';

const silent = pino({ level: 'silent' });
const clock = { nowMs: () => 0, wallMs: (momentMs: number) => 1_000_000 + momentMs };

function line(timestamp: number, key = 'BTC'): string {
  return `${JSON.stringify({ type: 'HOLDER_COUNT_UPDATED', key, timestamp, data: { holderCount: 1, change: 0 } })}\n`;
}

async function play(chunks: Iterable<string>, speed = 1, log = silent) {
  const source = await RecordedSource.open(
    { path: 'test.ndjson', input: Readable.from(chunks), speed },
    clock,
    log,
  );
  return source;
}

/** Waits until a short recording is read, so that all of it is known to the source. */
async function playAll(timestamps: readonly number[], speed = 1): Promise<RecordedSource> {
  const input = Readable.from(timestamps.map((timestamp) => line(timestamp)));
  const closed = once(input, 'close');
  const source = await RecordedSource.open({ path: 'test.ndjson', input, speed }, clock, silent);
  await closed;
  return source;
}

function times(records: readonly OutgoingRecord[]): number[] {
  return records.map(({ timestampMs }) => timestampMs - 1_000_000);
}

test('distances are kept and the time that is published is the planned one', async () => {
  await using source = await playAll([500, 600, 600, 1_500]);
  source.start(0);
  expect(times(source.take(0, 10))).toEqual([0]);
  expect(source.waitMs(30)).toBe(70);
  expect(source.behind(100)).toBe(2);
  const [record] = source.take(100, 1);
  expect(JSON.parse(record!.value)).toEqual({
    type: 'HOLDER_COUNT_UPDATED',
    timestamp: 1_000_100,
    data: { holderCount: 1, change: 0 },
  });
  expect(record).toMatchObject({ topic: 'odin.analytics', key: 'BTC', timestampMs: 1_000_100 });
  expect(times(source.take(5_000, 10))).toEqual([100, 1_000]);
  await expect.poll(() => source.ended).toBe(true);
});

test('speed divides the distances', async () => {
  await using source = await playAll([0, 1_000, 3_000], 4);
  source.start(0);
  expect(times(source.take(10_000, 10))).toEqual([0, 250, 750]);
});

test('an event older than the one before goes out together with it', async () => {
  await using source = await playAll([100, 300, 200, 400]);
  source.start(0);
  expect(times(source.take(10_000, 10))).toEqual([0, 200, 200, 300]);
});

test('a pause moves everything after it', async () => {
  await using source = await playAll([0, 100, 200]);
  source.start(0);
  expect(times(source.take(0, 10))).toEqual([0]);
  expect(source.stop(50)).toBe(0);
  expect(source.take(10_000, 10)).toEqual([]);
  source.start(1_050);
  expect(times(source.take(10_000, 10))).toEqual([1_100, 1_200]);
});

test('bad lines are told with number and reason, at most twenty of them, and counted', async () => {
  const told: { line?: number; reason?: string; badLines?: number; msg: string }[] = [];
  const log = pino({}, { write: (text: string) => void told.push(JSON.parse(text)) });
  const bad = Array.from({ length: 25 }, () => '{"type":"NOPE"}\n');
  await using source = await play([line(0), '\n', ...bad, line(10)], 1, log);
  source.start(0);
  await expect.poll(() => source.take(1_000, 10).length + Number(source.ended)).toBeGreaterThan(0);
  await expect.poll(() => source.badLines).toBe(25);
  const lines = told.filter(({ msg }) => msg === 'skipped a line');
  expect(lines).toHaveLength(20);
  expect(lines[0]).toMatchObject({ line: 3, reason: 'unknown event type "NOPE"' });
  expect(told.at(-1)).toMatchObject({ badLines: 25, msg: 'bad lines were skipped' });
});

test('a long recording is read only some way ahead, and all of it is played in order', async () => {
  const total = 60_000;
  let read = 0;
  function* recording() {
    for (; read < total; read++) yield line(read, `T${read % 7}`);
  }
  await using source = await play(recording());
  source.start(0);
  await expect.poll(() => source.behind(Number.MAX_SAFE_INTEGER)).toBe(10_000);
  expect(read).toBeLessThan(11_000);
  const seen: number[] = [];
  while (!source.ended) {
    const taken = source.take(total, 500);
    for (const moment of times(taken)) seen.push(moment);
    if (taken.length === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  expect(seen).toEqual(Array.from({ length: total }, (_, index) => index));
});

test('a failure in the middle is reported after what was read is played', async () => {
  async function* failing() {
    yield line(0);
    yield line(10);
    throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  }
  await using source = await RecordedSource.open(
    { path: 'disk.ndjson', input: Readable.from(failing()), speed: 1 },
    clock,
    silent,
  );
  await expect
    .poll(() => source.error?.message)
    .toBe('cannot read on in disk.ndjson: EIO: i/o error');
  expect(source.ended).toBe(false);
  source.start(0);
  expect(source.take(100, 10)).toHaveLength(2);
  expect(source.ended).toBe(true);
});

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { BrokerRecord } from '../broker.ts';
import { EmbeddedLog, LostRanges } from './log.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function outgoing(topic: string, value = 'x') {
  return { topic, key: 'K', value, timestampMs: 1 };
}

function trimAll(log: EmbeddedLog, nowMs: number): BrokerRecord[] {
  const gone: BrokerRecord[] = [];
  for (let record = log.trim(nowMs); record !== undefined; record = log.trim(nowMs)) {
    gone.push(record);
  }
  return gone;
}

test('offsets count per topic, cursors over all topics', () => {
  const log = new EmbeddedLog({ maxBytes: 10_000, retentionMs: 1_000 });
  for (const topic of ['a', 'b', 'a']) log.append(outgoing(topic), 0);
  const records = log.read(0, 10);
  expect(records.map(({ topic, offset }) => `${topic}${offset}`)).toEqual(['a0', 'b0', 'a1']);
  expect([log.start, log.end]).toEqual([0, 3]);
});

test('the oldest go when the log is too large, and cursors stay what they were', () => {
  const size = EmbeddedLog.sizeOf(outgoing('a'));
  const log = new EmbeddedLog({ maxBytes: 5 * size, retentionMs: 1_000 });
  let gone = 0;
  for (let n = 0; n < 5_000; n++) {
    log.append(outgoing('a'), 0);
    gone += trimAll(log, 0).length;
  }
  expect(gone).toBe(4_995);
  expect([log.start, log.end]).toEqual([4_995, 5_000]);
  expect(log.read(4_998, 10).map(({ offset }) => offset)).toEqual([4_998, 4_999]);
});

test('small values keep no more memory alive than the log may hold', () => {
  const log = new EmbeddedLog({ maxBytes: 1_000_000, retentionMs: 1_000 });
  for (let n = 0; n < 3_000; n++) {
    log.append(outgoing('a', `value ${n}`), 0);
    // What else goes through Node's pool meanwhile.
    Buffer.from('x'.repeat(1_000));
  }
  const values = log.read(0, 3_000).map(({ value }) => value);
  expect(values.map((value) => value.toString())).toEqual(values.map((_, n) => `value ${n}`));
  const held = new Set(values.map(({ buffer }) => buffer));
  const bytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(bytes).toBeLessThan(1_000_000);
});

test('large values are let go at once', async () => {
  const log = new EmbeddedLog({ maxBytes: 1_000_000, retentionMs: 1_000 });
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < 500; n++) {
    log.append(outgoing('a', 'x'.repeat(200_000)), 0);
    trimAll(log, 0);
  }
  // Array buffers are swept beside the program: one collection may return before they are gone.
  const heldBytes = () => {
    collectGarbage();
    return process.memoryUsage().arrayBuffers - before;
  };
  await expect.poll(heldBytes, { timeout: 10_000 }).toBeLessThan(10_000_000);
});

test('records go when they are as old as the retention', () => {
  const log = new EmbeddedLog({ maxBytes: 10_000, retentionMs: 1_000 });
  log.append(outgoing('a'), 0);
  log.append(outgoing('a'), 500);
  expect(trimAll(log, 999)).toEqual([]);
  expect(trimAll(log, 1_000).map(({ offset }) => offset)).toEqual([0]);
  expect(log.start).toBe(1);
});

test('a cursor by time finds the first record that came then or later', () => {
  const log = new EmbeddedLog({ maxBytes: 10_000, retentionMs: 100_000 });
  for (const receivedMs of [10, 20, 20, 30]) log.append(outgoing('a'), receivedMs);
  expect([5, 10, 20, 21, 31].map((ms) => log.cursorSince(ms))).toEqual([0, 0, 1, 3, 4]);
});

test('the bytes of characters count, not their number', () => {
  expect(EmbeddedLog.sizeOf(outgoing('a', '€€'))).toBe(EmbeddedLog.sizeOf(outgoing('a', '')) + 6);
});

test('lost records become one range per topic, told once', () => {
  const lost = new LostRanges();
  const record = { partition: 0, key: 'K', value: Buffer.alloc(0), timestampMs: 1 };
  lost.add({ ...record, topic: 'a', offset: 3 });
  lost.add({ ...record, topic: 'b', offset: 8 });
  lost.add({ ...record, topic: 'a', offset: 4 });
  expect(lost.take()).toEqual([
    { topic: 'a', partition: 0, from: 3, to: 4 },
    { topic: 'b', partition: 0, from: 8, to: 8 },
  ]);
  expect(lost.take()).toEqual([]);
});

import { expect, test } from 'vitest';
import { SendQueue } from './send-queue.ts';

const limits = { maxBatchRecords: 4, maxBatchBytes: 1_000_000, maxWaitingRecords: 10 };

function records(...values: string[]) {
  return values.map((value) => ({ topic: 't', key: 'K', value, timestampMs: 1 }));
}

function valuesOf(batch: ReturnType<SendQueue['take']>) {
  return batch?.topicMessages.get('t')?.map(({ value }) => value);
}

test('calls that wait share a batch, in their order', async () => {
  const queue = new SendQueue(limits);
  const calls = [queue.add(records('1', '2')), queue.add(records('3'))];
  const batch = queue.take();
  expect(valuesOf(batch)).toEqual(['1', '2', '3']);
  expect(queue.take()).toBeUndefined();
  batch?.resolve();
  await Promise.all(calls);
});

test('a call is done when the last of its batches is', async () => {
  const queue = new SendQueue(limits);
  let isDone = false;
  const call = queue.add(records('1', '2', '3', '4', '5', '6')).then(() => {
    isDone = true;
  });
  const [first, second] = [queue.take(), queue.take()];
  expect([valuesOf(first), valuesOf(second)]).toEqual([
    ['1', '2', '3', '4'],
    ['5', '6'],
  ]);
  first?.resolve();
  await Promise.resolve();
  expect(isDone).toBe(false);
  second?.resolve();
  await call;
});

test('what is left of a rejected call is not sent, and later calls are', async () => {
  const queue = new SendQueue(limits);
  const failing = queue.add(records('1', '2', '3', '4', '5'));
  const later = queue.add(records('6'));
  queue.take()?.reject(new Error('refused'));
  await expect(failing).rejects.toThrow('refused');
  const batch = queue.take();
  expect(valuesOf(batch)).toEqual(['6']);
  batch?.resolve();
  await later;
});

test('a batch ends where it would become too large', () => {
  const queue = new SendQueue({ ...limits, maxBatchBytes: 25 });
  void queue.add(records('a'.repeat(10), 'b'.repeat(10), 'c'.repeat(10)));
  expect(valuesOf(queue.take())).toEqual(['a'.repeat(10), 'b'.repeat(10)]);
  expect(valuesOf(queue.take())).toEqual(['c'.repeat(10)]);
});

test('a large record goes alone', () => {
  const queue = new SendQueue(limits);
  const large = 'x'.repeat(300_000);
  void queue.add(records('1', large, '2'));
  expect(valuesOf(queue.take())).toEqual(['1']);
  expect(valuesOf(queue.take())).toEqual([large]);
  expect(valuesOf(queue.take())).toEqual(['2']);
});

test('more than may wait is refused and counted, and what waits is kept', async () => {
  const queue = new SendQueue(limits);
  void queue.add(records('1', '2', '3', '4', '5', '6'));
  await expect(queue.add(records('a', 'b', 'c', 'd', 'e'))).rejects.toThrow('more than 10 records');
  expect(queue.refused).toBe(1);
  queue.take();
  void queue.add(records('7', '8'));
  expect(valuesOf(queue.take())).toEqual(['5', '6', '7', '8']);
});

test('closing rejects every call that waits', async () => {
  const queue = new SendQueue(limits);
  const calls = [queue.add(records('1')), queue.add(records('2'))];
  queue.rejectAll(new Error('closed'));
  await expect(calls[0]).rejects.toThrow('closed');
  await expect(calls[1]).rejects.toThrow('closed');
  expect(queue.take()).toBeUndefined();
});

import { expect, test } from 'vitest';
import type { Message } from './lanes.ts';
import { Lanes } from './lanes.ts';

const limits = { maxUnderWay: 3, maxWaiting: 10 };

function message(subject: string, id: string, sinceMs = 0): Message {
  const record = { topic: 'odin.trades', key: 'BTC', value: id, timestampMs: 0 };
  return { subject, id, sinceMs, record };
}

/** Takes all that may go. */
function takeAll(lanes: Lanes) {
  const turns = [];
  for (let turn = lanes.take(); turn !== undefined; turn = lanes.take()) turns.push(turn);
  return turns;
}

const idsOf = (turns: readonly { readonly message: Message }[]) =>
  turns.map((turn) => turn.message.id);

test('a lane lets the next message go when the one before is there', async () => {
  const lanes = new Lanes(limits);
  const call = lanes.add([message('a', 'a1'), message('a', 'a2'), message('b', 'b1')]);
  const [a1, b1, ...none] = takeAll(lanes);
  expect([a1!.message.id, b1!.message.id, none]).toEqual(['a1', 'b1', []]);
  b1!.done();
  expect(takeAll(lanes)).toEqual([]);
  a1!.done();
  const [a2] = takeAll(lanes);
  expect(a2!.message.id).toBe('a2');
  a2!.done();
  await call;
  expect(lanes.isEmpty).toBe(true);
});

test('no more go than the limit, and the lanes take turns', async () => {
  const lanes = new Lanes(limits);
  const calls = ['a', 'b', 'c', 'd'].map((name) =>
    lanes.add([message(name, `${name}1`), message(name, `${name}2`)]),
  );
  const order: string[] = [];
  for (let turns = takeAll(lanes); turns.length > 0; turns = takeAll(lanes)) {
    expect(turns.length).toBeLessThanOrEqual(limits.maxUnderWay);
    order.push(...idsOf(turns));
    for (const turn of turns) turn.done();
  }
  expect(order).toEqual(['a1', 'b1', 'c1', 'd1', 'a2', 'b2', 'c2', 'd2']);
  await Promise.all(calls);
});

test('a failure rejects its call, whose other messages are not sent; other calls go on', async () => {
  const lanes = new Lanes(limits);
  const bad = lanes.add([message('a', 'bad1'), message('a', 'bad2'), message('b', 'bad3')]);
  const good = lanes.add([message('a', 'good')]);
  const [first, third] = takeAll(lanes);
  const rejected = expect(bad).rejects.toThrow('no');
  first!.failed(new Error('no'));
  await rejected;
  third!.done();
  const [next, ...rest] = takeAll(lanes);
  expect([next!.message.id, rest]).toEqual(['good', []]);
  next!.done();
  await good;
  expect(lanes.isEmpty).toBe(true);
});

test('more than may wait is refused, and counted', async () => {
  const lanes = new Lanes(limits);
  const many = Array.from({ length: 11 }, (_, n) => message('a', `${n}`));
  await expect(lanes.add(many)).rejects.toThrow('more than 10 records wait for the broker');
  expect(lanes.refused).toBe(1);
  expect(lanes.isEmpty).toBe(true);
});

test('what waits for too long is rejected, and makes room; what is under way goes on', async () => {
  const lanes = new Lanes(limits);
  const sent = lanes.add([message('a', 'sent', 1)]);
  const [turn] = takeAll(lanes);
  const old = lanes.add([message('a', 'old', 1), message('b', 'old', 1), message('c', 'old', 2)]);
  const young = lanes.add([message('a', 'young', 5)]);
  const rejected = expect(old).rejects.toThrow('late');
  expect(lanes.rejectOlder(3, new Error('late'))).toBe(true);
  await rejected;
  expect(lanes.rejectOlder(3, new Error('late'))).toBe(false);
  expect(takeAll(lanes)).toEqual([]);
  turn!.done();
  const [next] = takeAll(lanes);
  expect(next!.message.id).toBe('young');
  next!.done();
  await Promise.all([sent, young]);
  const full = lanes.add(Array.from({ length: 10 }, (_, n) => message('a', `${n}`, 6)));
  expect(lanes.refused).toBe(0);
  lanes.rejectAll(new Error('over'));
  await expect(full).rejects.toThrow('over');
});

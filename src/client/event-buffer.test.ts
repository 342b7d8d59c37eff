import { expect, test } from 'vitest';
import { eventAt } from '../../test/support/fake-web-socket.ts';
import { EventBuffer } from './event-buffer.ts';

const nothing = () => undefined;

test('a loop gets what came before and after it began', async () => {
  const buffer = new EventBuffer(10);
  buffer.push(eventAt('A.trade', 1, null));
  const reading = buffer.read(nothing);
  expect((await reading.next()).value).toMatchObject({ offset: 1 });
  const next = reading.next();
  buffer.push(eventAt('A.trade', 2, 1));
  expect((await next).value).toMatchObject({ offset: 2 });
});

test('what a slow loop loses is counted by channel, and said before what follows', async () => {
  const buffer = new EventBuffer(2);
  for (const n of [1, 2, 3]) buffer.push(eventAt('A.trade', n, null));
  buffer.push(eventAt('B.trade', 1, null));
  const reading = buffer.read(nothing);
  expect((await reading.next()).value).toEqual({
    type: 'DROPPED',
    count: 2,
    channels: { 'A.trade': 2 },
  });
  expect((await reading.next()).value).toMatchObject({ channel: 'A.trade', offset: 3 });
});

test('however many channels lose events, a notice names no more than 500', async () => {
  const buffer = new EventBuffer(1);
  for (let n = 0; n <= 600; n++) buffer.push(eventAt(`T${n}.trade`, 1, null));
  const { value } = await buffer.read(nothing).next();
  expect(value).toMatchObject({ count: 600, channels: { 'T0.trade': 1, '*': 100 } });
});

test('a loop that is left early says so, and one that is waiting ends', async () => {
  let left = 0;
  const buffer = new EventBuffer(2);
  buffer.push(eventAt('A.trade', 1, null));
  for await (const _event of buffer.read(() => left++)) break;
  const waiting = buffer.read(() => left++).next();
  buffer.end();
  expect([await waiting, left]).toEqual([{ done: true, value: undefined }, 2]);
});

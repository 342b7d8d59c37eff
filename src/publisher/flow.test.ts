/** The ends of a flow that take long in a whole publisher: a broker that never confirms, refusals. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { OutgoingRecord, Producer } from '../broker/broker.ts';
import { steadyClock } from './clock.ts';
import { Flow, type FlowEnd } from './flow.ts';
import { MarketSource } from './market-source.ts';
import { RecordsRefused } from './records-refused.ts';

const silent = pino({ level: 'silent' });

function flowTo(send: Producer['send'], rate: number, end: FlowEnd = {}): Flow {
  const clock = steadyClock();
  const producer: Producer = { send, [Symbol.asyncDispose]: async () => undefined };
  const source = new MarketSource(1, { rate, tokens: ['BTC'] }, clock);
  const flow = new Flow(source, end, { producer, clock, log: silent, onSend: () => undefined });
  flow.start();
  return flow;
}

test('what a broker does not confirm within the grace of closing counts as failed', async () => {
  let confirm: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    confirm = resolve;
  });
  const flow = flowTo(() => held, 10_000);
  await expect.poll(() => flow.counts.inFlight).toBeGreaterThan(100);
  await flow.close({ quietMs: 20, limitMs: 60_000 });
  const { failed, published, unconfirmed, inFlight } = flow.counts;
  expect({ published, inFlight }).toEqual({ published: 0, inFlight: 0 });
  expect(unconfirmed).toBe(failed);
  expect(failed).toBeGreaterThan(100);
  confirm();
  await held;
  expect(flow.counts).toMatchObject({ published: 0, failed, inFlight: 0 });
});

test('a broker that confirms bit by bit is waited for, however little it does at a time', async () => {
  const confirmed: (() => void)[] = [];
  const flow = flowTo(() => new Promise((resolve) => confirmed.push(resolve)), 10_000);
  await expect.poll(() => confirmed.length).toBeGreaterThan(5);
  const closing = flow.close({ quietMs: 1_000, limitMs: 60_000 });
  const startMs = performance.now();
  while (flow.counts.inFlight > 0) {
    const before = flow.counts.published;
    // The last ones are waited for for longer than anybody would without those before.
    await sleep(Math.min(200, Math.max(0, 1_300 - (performance.now() - startMs)) / 3));
    confirmed.shift()?.();
    await expect.poll(() => flow.counts.published).toBeGreaterThan(before);
  }
  await closing;
  expect(flow.counts).toMatchObject({ failed: 0, unconfirmed: 0, inFlight: 0 });
});

test('the end of a flow has a limit, also where the broker confirms something now and then', async () => {
  const confirmed: (() => void)[] = [];
  const flow = flowTo(() => new Promise((resolve) => confirmed.push(resolve)), 10_000);
  await expect.poll(() => confirmed.length).toBeGreaterThan(5);
  const drops = setInterval(() => confirmed.splice(0, 1)[0]?.(), 20);
  await flow.close({ quietMs: 60_000, limitMs: 50 });
  clearInterval(drops);
  expect(flow.counts.unconfirmed).toBeGreaterThan(0);
});

test('events that the broker refuses are counted and the flow goes on', async () => {
  let sent = 0;
  const flow = flowTo(
    async (records: readonly OutgoingRecord[]) => {
      sent += records.length;
      throw new RecordsRefused(1, 'too large');
    },
    1_000,
    { count: 50 },
  );
  await flow.finished;
  expect(sent).toBe(50);
  expect(flow.counts.failed).toBeGreaterThan(0);
  expect(flow.counts.published + flow.counts.failed).toBe(50);
});

test('closing sends what is due, so a stop at full speed gives nothing up', async () => {
  let sent = 0;
  const flow = flowTo(async (records) => {
    sent += records.length;
  }, 50_000);
  await expect.poll(() => sent).toBeGreaterThan(2_000);
  const until = performance.now() + 5;
  while (performance.now() < until);
  await flow.close({ quietMs: 60_000, limitMs: 60_000 });
  expect(flow.counts).toMatchObject({ published: sent, abandoned: 0, failed: 0, inFlight: 0 });
});

test('the duration ends a flow that is stopped, too', async () => {
  const flow = flowTo(async () => undefined, 100, { durationMs: 60 });
  flow.pause();
  await flow.finished;
  expect(flow.over).toBe(true);
});

/** Tests of channel-churn.ts: a change that the server ignored is asked for again. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRandom } from '../../base/random.ts';
import { Cursor, SubscriptionSet } from '../delivery/cursor.ts';
import { ChannelChurn } from './channel-churn.ts';
import { ClientContext } from './client-context.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function churning() {
  const settings = { target: {}, workers: 1 } as ConstructorParameters<typeof ClientContext>[0];
  const context = new ClientContext(settings);
  const cursor = new Cursor(0, new SubscriptionSet(['BTC.trade'], context.book));
  const churn = new ChannelChurn(cursor, context, () => {});
  const hear = (type: string, fields = {}) => churn.take({ type, fields } as never);
  const ignore = () => hear('error', { code: 'RATE_LIMIT_EXCEEDED' });
  return { churn, counters: context.counters, hear, ignore };
}
const random = createRandom(1);

test('a client whose changes were too many asks again, until it is back to drop another', () => {
  const { churn, counters, hear, ignore } = churning();
  expect(churn.drop(random, 0)).toBe(true);
  ignore();
  expect(churn.drop(random, 0)).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect(counters.churned).toBe(2);
  hear('unsubscription_ack');
  vi.advanceTimersByTime(1);
  ignore();
  vi.advanceTimersByTime(1_000);
  expect(counters.churned).toBe(4);
  hear('subscription_ack');
  expect(counters).toMatchObject({ unsubscribed: 1, resubscribed: 1 });
  expect(churn.drop(random, 0)).toBe(true);
});

test('what was answered all the same is not asked for again', () => {
  const { churn, counters, hear, ignore } = churning();
  churn.drop(random, 60_000);
  ignore();
  hear('unsubscription_ack');
  vi.advanceTimersByTime(10_000);
  expect(counters.churned).toBe(1);
  vi.advanceTimersByTime(50_000);
  ignore();
  hear('subscription_ack');
  vi.advanceTimersByTime(10_000);
  expect(counters).toMatchObject({ churned: 2, unsubscribed: 1, resubscribed: 1 });
});

test('a return that is refused by name waits before it tries again, however short it was away', () => {
  const { churn, counters, hear } = churning();
  churn.drop(random, 0);
  hear('unsubscription_ack');
  vi.advanceTimersByTime(1);
  hear('error', { id: 'churn', code: 'INTERNAL' });
  vi.advanceTimersByTime(900);
  expect(counters.churned).toBe(2);
  vi.advanceTimersByTime(100);
  expect(counters.churned).toBe(3);
  churn.end();
});

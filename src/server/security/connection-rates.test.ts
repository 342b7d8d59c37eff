import { expect, test } from 'vitest';
import { ConnectionRates } from './connection-rates.ts';
import { Rate } from './rate.ts';

const unlimited = { perSecond: 0, burst: 1 };
const slow = { perSecond: 2, burst: 3 };

function startRates(perAddress = unlimited, global = unlimited, limit = 10) {
  const counters = { addressesForgotten: 0 };
  const perAddressRate = new Rate(perAddress);
  const rates = new ConnectionRates(perAddressRate, new Rate(global), counters, limit);
  return { counters, rates, perAddressRate };
}

test('one address that is too fast is told how long to wait, another is not held up', () => {
  const { rates } = startRates(slow);
  for (let n = 0; n < 3; n++) expect(rates.take('a', 1_000)).toBeUndefined();
  expect(rates.take('a', 1_000)).toEqual({ code: 'IP_RATE_LIMITED', retryAfterMs: 500 });
  expect(rates.take('b', 1_000)).toBeUndefined();
  expect(rates.take('a', 1_400)).toEqual({ code: 'IP_RATE_LIMITED', retryAfterMs: 100 });
  expect(rates.take('a', 1_500)).toBeUndefined();
});

test('what one address is refused does not use up what is left for all', () => {
  const { rates } = startRates({ perSecond: 1, burst: 1 }, { perSecond: 1, burst: 3 });
  expect(rates.take('a', 0)).toBeUndefined();
  for (let n = 0; n < 100; n++) expect(rates.take('a', 0)?.code).toBe('IP_RATE_LIMITED');
  expect(rates.take('b', 0)).toBeUndefined();
  expect(rates.take('c', 0)).toBeUndefined();
  expect(rates.take('d', 0)).toEqual({ code: 'GLOBAL_RATE_LIMITED', retryAfterMs: 1_000 });
});

test('what the whole is refused does not use up what the address has', () => {
  const { rates } = startRates({ perSecond: 0.001, burst: 1 }, { perSecond: 1, burst: 1 });
  expect(rates.take('a', 0)).toBeUndefined();
  expect(rates.take('b', 0)?.code).toBe('GLOBAL_RATE_LIMITED');
  expect(rates.take('b', 1_000)).toBeUndefined();
});

test('many addresses take bounded memory, and what that costs is counted', () => {
  const { rates, counters } = startRates(slow);
  for (let n = 0; n < 1_000; n++) rates.take(`address ${n}`, 1_000);
  expect(rates.size).toBe(10);
  expect(counters.addressesForgotten).toBe(990);
});

test('an address that keeps trying is not the one that is forgotten', () => {
  const { rates } = startRates({ perSecond: 0.01, burst: 1 });
  rates.take('a', 1_000);
  for (let n = 0; n < 100; n++) {
    rates.take(`address ${n}`, 1_000);
    expect(rates.take('a', 1_000)?.code).toBe('IP_RATE_LIMITED');
  }
});

test('addresses whose bucket is full again are forgotten without loss', () => {
  const { rates, counters } = startRates(slow, unlimited, 1_000);
  for (let n = 0; n < 100; n++) rates.take(`address ${n}`, 1_000);
  for (let n = 0; n < 60; n++) rates.take('late', 10_000 + n * 1_000);
  expect(rates.size).toBe(1);
  expect(counters.addressesForgotten).toBe(0);
});

test('nothing is remembered when nothing is limited', () => {
  const { rates } = startRates();
  for (let n = 0; n < 100; n++) expect(rates.take(`address ${n}`, 0)).toBeUndefined();
  expect(rates.size).toBe(0);
});

test('a new rate counts for addresses that are known, with what they have left', () => {
  const { rates, perAddressRate } = startRates({ perSecond: 1, burst: 3 });
  for (let n = 0; n < 2; n++) expect(rates.take('a', 1_000)).toBeUndefined();
  perAddressRate.change({ perSecond: 10, burst: 3 }, 1_000);
  expect(rates.take('a', 1_000)).toBeUndefined();
  expect(rates.take('a', 1_000)).toEqual({ code: 'IP_RATE_LIMITED', retryAfterMs: 100 });
  perAddressRate.change({ perSecond: 0.5, burst: 3 }, 1_000);
  expect(rates.take('a', 1_000)?.retryAfterMs).toBe(2_000);
});

test('a rate that is switched off forgets all addresses', () => {
  const { rates, perAddressRate } = startRates(slow);
  for (let n = 0; n < 10; n++) rates.take(`address ${n}`, 1_000);
  perAddressRate.change(unlimited, 1_000);
  expect(rates.take('a', 1_000)).toBeUndefined();
  expect(rates.size).toBe(0);
});

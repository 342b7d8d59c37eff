/** The check of recorded payloads: what it takes, what it refuses, and the words it uses. */
import { expect, test } from 'vitest';
import { type EventType, eventTypes } from './event-types.ts';
import { payloadComplaint, requiredFields } from './payloads.ts';

const samples = {
  number: 1,
  text: 'x',
  flag: true,
  flags: { verified: true },
};

const trade = { price: 2.5, amount: 10, buyer: '0xb', seller: '0xs', txHash: '0xt' };

function complete(type: EventType): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(requiredFields[type]).map(([field, kind]) => [field, samples[kind]]),
  );
}

test.each(Object.keys(eventTypes) as EventType[])('%s needs each of its fields', (type) => {
  expect(payloadComplaint(type, complete(type))).toBeUndefined();
  for (const field of Object.keys(requiredFields[type])) {
    const { [field]: _, ...rest } = complete(type);
    expect(payloadComplaint(type, rest)).toMatch(`${type}: data.${field} must be `);
  }
});

test('a value of the wrong kind is named with what was expected', () => {
  expect(payloadComplaint('TRADE_EXECUTED', { ...trade, price: '2.5' })).toBe(
    'TRADE_EXECUTED: data.price must be a number',
  );
  expect(payloadComplaint('TRADE_EXECUTED', { ...trade, amount: null })).toBe(
    'TRADE_EXECUTED: data.amount must be a number',
  );
  expect(payloadComplaint('FAVORITE_TOGGLED', { userId: 'u', isFavorite: 1 })).toBe(
    'FAVORITE_TOGGLED: data.isFavorite must be true or false',
  );
  expect(payloadComplaint('TOKEN_FLAGS_CHANGED', { flags: { verified: 'yes' } })).toBe(
    'TOKEN_FLAGS_CHANGED: data.flags must be an object of true and false',
  );
});

test('optional fields may be missing but not wrong', () => {
  const verified = { twitterHandle: '@btc', verified: true };
  expect(payloadComplaint('TWITTER_VERIFIED', verified)).toBeUndefined();
  for (const verifiedAt of [1_700_000_000_000, '2026-01-02T03:04:05Z']) {
    expect(payloadComplaint('TWITTER_VERIFIED', { ...verified, verifiedAt })).toBeUndefined();
  }
  expect(payloadComplaint('TWITTER_VERIFIED', { ...verified, verifiedAt: 'soon' })).toBe(
    'TWITTER_VERIFIED: data.verifiedAt must be milliseconds since 1970 or an ISO date',
  );
  expect(payloadComplaint('TRADE_EXECUTED', { ...trade, token: 5 })).toBe(
    'TRADE_EXECUTED: data.token must be a text',
  );
});

test('fields that odin does not know are left alone', () => {
  expect(payloadComplaint('TRADE_EXECUTED', { ...trade, venue: 'x', nested: [] })).toBeUndefined();
});

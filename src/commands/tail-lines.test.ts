/** Lines of `odin topics tail`. */
import { expect, test } from 'vitest';
import type { BrokerRecord } from '../broker/broker.ts';
import { formatRecord, recordJson } from './tail-lines.ts';

const record: BrokerRecord = {
  topic: 'odin.trades',
  partition: 3,
  offset: 1250,
  key: 'BTC',
  value: Buffer.from(
    '{"type":"TRADE_EXECUTED","timestamp":1,"data":{"price":7,"note":"a\\u001b[2Jb"}}',
  ),
  timestampMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
};

test('a line tells time, channel, position, type and data', () => {
  expect(formatRecord(record).replaceAll(/ {2,}/g, '  ')).toBe(
    '03:04:05.678Z  BTC.trade  3:1250  TRADE_EXECUTED  {"price":7,"note":"a\\u001b[2Jb"}',
  );
});

test('a record whose partition is not known has its offset alone', () => {
  const ofServer = { ...record, partition: -1 };
  expect(formatRecord(ofServer)).toMatch(/BTC\.trade +1250 +TRADE_EXECUTED/);
  expect(JSON.parse(recordJson(ofServer))).not.toHaveProperty('partition');
});

test('a line is cut to the width of the terminal', () => {
  const line = formatRecord(record, 60);
  expect(line).toHaveLength(60);
  expect(line.endsWith('…')).toBe(true);
  expect(formatRecord(record, 500)).toBe(formatRecord(record));
});

test('what is no event is shown with the reason, and cannot control a terminal', () => {
  const odd = { ...record, key: 'a\u001bb', value: Buffer.from('{"x":\u001b') };
  expect(formatRecord(odd)).toMatch(/odin\.trades "a\\u001bb".*no event: not JSON/);
  expect(formatRecord(odd)).not.toContain('\u001b');
  expect(JSON.parse(recordJson(odd))).toMatchObject({ text: '{"x":\u001b', key: 'a\u001bb' });
});

test('as JSON it is one object with all there is', () => {
  expect(JSON.parse(recordJson(record))).toEqual({
    time: '2026-01-02T03:04:05.678Z',
    channel: 'BTC.trade',
    topic: 'odin.trades',
    partition: 3,
    offset: 1250,
    key: 'BTC',
    type: 'TRADE_EXECUTED',
    timestamp: 1,
    data: { price: 7, note: 'a\u001b[2Jb' },
  });
});

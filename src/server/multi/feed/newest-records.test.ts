/** Cutting what was read back to what one client gets. */
import { expect, test } from 'vitest';
import type { BrokerRecord } from '../../../broker/broker.ts';
import { newestRecords } from './newest-records.ts';

const records = [10, 20, 30].map((length, offset): BrokerRecord => {
  const value = Buffer.alloc(length);
  return { topic: 't', partition: 0, offset, key: 'K', value, timestampMs: 0 };
});

test.each([
  [{ maxMessages: 3, maxBytes: 60 }, [0, 1, 2], true],
  [{ maxMessages: 2, maxBytes: 60 }, [1, 2], false],
  [{ maxMessages: 3, maxBytes: 59 }, [1, 2], false],
  [{ maxMessages: 3, maxBytes: 29 }, [], false],
  [{ maxMessages: 0, maxBytes: 60 }, [], false],
])('%o keeps the newest %o', (limits, offsets, complete) => {
  const cut = newestRecords({ records, complete: true }, limits);
  expect(cut.records.map(({ offset }) => offset)).toEqual(offsets);
  expect(cut.complete).toBe(complete);
});

test('what was incomplete stays so', () => {
  const limits = { maxMessages: 9, maxBytes: 999 };
  expect(newestRecords({ records, complete: false }, limits).complete).toBe(false);
});

/** NewestRecords: as much of what was read back as one client gets anyway, for the way to its shard. */
import type { ReadBackResult } from '../../../broker/broker.ts';
import type { Config } from '../../../config/schema.ts';

/** The newest records within a client's limits; what is left out makes the result incomplete. */
export function newestRecords(
  { records, complete }: ReadBackResult,
  { maxMessages, maxBytes }: Pick<Config['server']['recovery'], 'maxMessages' | 'maxBytes'>,
): ReadBackResult {
  let first = records.length;
  let bytes = 0;
  while (first > 0 && records.length - first < maxMessages) {
    bytes += (records[first - 1] as { value: Buffer }).value.length;
    if (bytes > maxBytes) break;
    first--;
  }
  return first === 0 ? { records, complete } : { records: records.slice(first), complete: false };
}

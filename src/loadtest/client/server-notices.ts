/** Counts what a server says to an open connection besides events. */
import { isObject } from '../../base/values.ts';
import type { Cursor } from '../delivery/cursor.ts';
import type { ClientContext } from './client-context.ts';
import type { ControlMessage } from './message-reader.ts';

/** Counts one notice to the client of `cursor`. */
export function countNotice(
  { counters, errors, ledger }: ClientContext,
  cursor: Cursor,
  { type, fields }: ControlMessage,
): void {
  if (type === 'error') {
    counters.serverErrors++;
    errors.add('open-error', JSON.stringify(fields));
  } else if (type === 'gap') counters.gapNotices++;
  else if (type === 'throttle_update') counters.throttleUpdates++;
  else if (type === 'reconnect_notice') counters.reconnectNotices++;
  else if (type === 'skipped' && isObject(fields['channels'])) {
    ledger.announceSkipped(cursor, fields['channels']);
  }
}

/** Whether the acknowledgement of a subscription says that some of it was not granted. */
export function isRefusal({ rejected }: ControlMessage['fields']): boolean {
  return Array.isArray(rejected) && rejected.length > 0;
}

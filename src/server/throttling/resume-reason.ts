/** The close reason of a client that is too slow: with the position to resume from, if there is one. */
import type { Connection } from '../clients/connection.ts';
import type { History } from '../delivery/history.ts';

/**
 * `client too slow: resume from BTC.trade@1250` for a straggler that holds this one channel. Else
 * undefined: positions of many channels do not fit the 123 bytes of a close frame, and the client
 * has them anyway.
 */
export function resumeReason(connection: Connection, history: History): string | undefined {
  const { size } = connection.cohort.subscriptions;
  const [name = '*'] = connection.cohort.subscriptions;
  const isUnknown = connection.missed.length > 0 || connection.cursor < history.first;
  if (size !== 1 || name.includes('*') || isUnknown) return undefined;
  for (let index = connection.cursor; index < history.next; index++) {
    const frame = history.at(index);
    if (!connection.wants(frame)) continue;
    // What it has not got begins here, so what it has ends with the event before.
    return frame.prev === null ? undefined : `client too slow: resume from ${name}@${frame.prev}`;
  }
  return undefined;
}

/** Which clients to let go first when memory is short. */

import type { Connection } from '../clients/connection.ts';
import type { Audit } from '../reporting/audit.ts';

/** Slow clients that are closed per second: 1 % of all, and at least so many. */
const leastShed = 5;
const shedShare = 0.01;

/** What the choice is made by. */
type Candidate = Pick<Connection, 'isBehind' | 'isClosing' | 'bufferedBytes' | 'cursor'>;

/** At most `count` of those whose socket is full: most bytes first, then the furthest behind. */
export function slowestOf<C extends Candidate>(connections: Iterable<C>, count: number): C[] {
  const behind = [...connections].filter(({ isBehind, isClosing }) => isBehind && !isClosing);
  behind.sort((a, b) => b.bufferedBytes - a.bufferedBytes || a.cursor - b.cursor);
  return behind.slice(0, count);
}

/** Closes some of them. They come back elsewhere, or later, and resume from their position. */
export function closeSlowest(open: ReadonlySet<Connection>, audit: Audit): void {
  const count = Math.max(leastShed, Math.ceil(open.size * shedShare));
  for (const connection of slowestOf(open, count)) {
    const { id, bufferedBytes } = connection;
    connection.close('overloaded');
    audit.note('disconnected_by_policy', 'slow client closed for lack of memory', {
      client: id,
      reason: 'overloaded',
      bufferedBytes,
    });
  }
}

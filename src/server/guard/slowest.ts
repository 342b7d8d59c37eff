/** Which clients to let go first when memory is short. */
import type { Connection } from '../connection.ts';

/** What the choice is made by. */
type Candidate = Pick<Connection, 'isBehind' | 'isClosing' | 'bufferedBytes' | 'cursor'>;

/** At most `count` of those whose socket is full: most bytes first, then the furthest behind. */
export function slowestOf<C extends Candidate>(connections: Iterable<C>, count: number): C[] {
  const behind = [...connections].filter(({ isBehind, isClosing }) => isBehind && !isClosing);
  behind.sort((a, b) => b.bufferedBytes - a.bufferedBytes || a.cursor - b.cursor);
  return behind.slice(0, count);
}

/** The name of this node among all nodes that read one broker. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config } from '../config/schema.ts';

/**
 * The configured name, or the host's with a random part: two servers of one machine, or one that
 * was killed and started again, must not meet in one consumer group.
 */
export function nodeIdOf({ nodeId }: Config['server']): string {
  return nodeId ?? `${hostname()}-${randomBytes(3).toString('hex')}`;
}

/** What short limit searches against a fault server need. */
import type { FaultServer } from './fault-server.ts';
import { channel } from './run-loadtest.ts';

/** Settings of a search of half a second for each level. */
export const quickSearch = {
  findMax: 'connections',
  rampRate: '1000',
  searchTrialMs: '500ms',
  searchMax: '1000',
};

interface Publishing {
  /** How much older events are when they are sent, in milliseconds. */
  readonly ageMs?: () => number;
  /** Whether to publish now. */
  readonly when?: () => boolean;
}

/** Publishes every 20 ms until it is disposed. */
export function publishing(
  server: FaultServer,
  { ageMs = () => 0, when = () => true }: Publishing = {},
): Disposable {
  const timer = setInterval(() => {
    if (when()) server.publish(channel, Date.now() - ageMs());
  }, 20);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

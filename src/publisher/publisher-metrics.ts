/** The publisher's numbers for Prometheus, in a registry of their own. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { PublisherStatus } from './publisher-status.ts';

/** Scrapes, and the one number that cannot be read off the status. */
export interface PublisherMetrics {
  readonly registry: Registry;
  /** Counts a batch that the broker took `elapsedMs` to confirm. */
  observeSend(elapsedMs: number): void;
}

const counters: readonly [name: string, field: keyof PublisherStatus, help: string][] = [
  ['published_total', 'published', 'events that the broker confirmed'],
  ['failed_total', 'failed', 'events that the broker refused or did not confirm'],
  ['abandoned_total', 'abandoned', 'events that were due and given up by a stop'],
  ['bad_lines_total', 'badLines', 'lines of a recording that were no events'],
];

const gauges: readonly [name: string, field: keyof PublisherStatus, help: string][] = [
  ['running', 'running', 'whether events are flowing'],
  ['healthy', 'healthy', 'whether the broker confirms what it is given'],
  ['target_rate', 'targetRate', 'events per second that are due'],
  ['achieved_rate', 'achievedRate', 'events per second confirmed in the last five seconds'],
  ['in_flight', 'inFlight', 'events that the broker has not confirmed yet'],
  ['behind', 'behind', 'events that are due and wait for the broker'],
  ['behind_max', 'behindMax', 'largest number of events that had to wait for the broker'],
  ['tokens', 'tokens', 'tokens that events are invented for'],
];

/** Metrics `odin_publisher_*`, read from `status` at each scrape. */
export function createPublisherMetrics(status: () => PublisherStatus): PublisherMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  for (const [name, field, help] of counters) {
    new Counter({
      name: `odin_publisher_${name}`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(Number(status()[field]));
      },
    });
  }
  for (const [name, field, help] of gauges) {
    new Gauge({
      name: `odin_publisher_${name}`,
      help,
      registers,
      collect() {
        this.set(Number(status()[field] ?? 0));
      },
    });
  }
  const sends = new Histogram({
    name: 'odin_publisher_send_seconds',
    help: 'time the broker took to confirm a batch',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  return { registry, observeSend: (elapsedMs) => sends.observe(elapsedMs / 1_000) };
}

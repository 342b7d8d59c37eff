/** The figures of a running load test for Prometheus. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { Told } from '../../config/told.ts';
import type { LoadTestPhase } from '../plan/timeline.ts';
import type { KindNow } from '../results/run-parts.ts';
import { type ConnectPhase, connectPhases } from '../socket/connect-phases.ts';
import type { Totals } from '../workers/totals.ts';

/** A run at the moment of a scrape. */
export interface RunState {
  /** Made when it is asked for. */
  readonly totals: Totals;
  readonly phase: LoadTestPhase;
  /** Whether what happens now counts for the run. */
  readonly isMeasured: boolean;
  /** Clients that the present stage comes to, of those that behave. */
  readonly target: number;
  /** Each kind of clients; empty when there is only one. */
  readonly kinds: readonly KindNow[];
  readonly elapsedMs: number;
}

type Read = (state: RunState) => number;

const connectionGauges: readonly [name: string, help: string, read: Read][] = [
  ['clients_target', 'Clients asked for, of those that behave', ({ target }) => target],
  [
    'clients_active',
    'Clients that are open now, of those that behave',
    ({ totals }) => totals.connections.active,
  ],
  ['elapsed_seconds', 'Time since the first planned client', ({ elapsedMs }) => elapsedMs / 1_000],
  [
    'worker_cpu_ratio',
    'CPU of the busiest worker in the hold phase; 1 is a core',
    ({ totals }) => totals.generator.cpuPercent / 100,
  ],
  [
    'worker_loop_delay_seconds',
    'Event loop delay (p99) of the worst worker in the hold phase',
    ({ totals }) => totals.generator.loopDelayP99Ms / 1_000,
  ],
  ['workers_resident_bytes', 'Memory of all workers', ({ totals }) => totals.generator.rssBytes],
];

/** `needs` is what has to be known of the server; without it there is no such metric. */
const counters: readonly [name: string, help: string, read: Read, needs?: keyof Told][] = [
  ['clients_opened', 'Clients that were open', ({ totals }) => totals.connections.opened],
  ['clients_failed', 'Clients that never were', ({ totals }) => totals.connections.failed],
  ['connections_dropped', 'Connections lost', ({ totals }) => totals.connections.dropped],
  ['connections_moved', 'Connections left as asked', ({ totals }) => totals.connections.moved],
  ['reconnects', 'Clients that came back', ({ totals }) => totals.connections.reconnected],
  ['events_received', 'Events received, of all clients', ({ totals }) => totals.messages.received],
  ['received_bytes', 'Bytes read from sockets', ({ totals }) => totals.messages.bytes],
  ['events_lost', 'Events that never arrived', ({ totals }) => totals.messages.lost, 'sequence'],
  [
    'events_duplicated',
    'Events received twice',
    ({ totals }) => totals.messages.duplicated,
    'sequence',
  ],
  [
    'events_reordered',
    'Events out of order',
    ({ totals }) => totals.messages.reordered,
    'sequence',
  ],
  [
    'events_missed',
    'Events missed while a client was away',
    ({ totals }) => totals.messages.missedWhileDisconnected,
    'sequence',
  ],
  [
    'events_unrecovered',
    'Events missed and not to be had again',
    ({ totals }) => totals.messages.unrecovered,
    'odin',
  ],
  [
    'events_skipped',
    'Events left out as announced',
    ({ totals }) => totals.messages.skipped,
    'odin',
  ],
  [
    'latency_events',
    'Events whose latency was measured: those of the hold phase',
    ({ totals }) => totals.latency.count,
    'time',
  ],
  [
    'latency_seconds_sum',
    'Sum of their latencies',
    ({ totals: { latency } }) => (latency.meanMs * latency.count) / 1_000,
    'time',
  ],
];

const quantiles = [0.5, 0.9, 0.95, 0.99, 0.999, 1];
const phases: readonly LoadTestPhase[] = ['ramp', 'hold', 'ramp-down', 'settle'];

/** Metrics `odin_loadtest_*` of what can be told, read from `look` at each scrape, once. */
export function createRunMetrics(
  look: () => RunState,
  told: Told,
): { readonly registry: Registry } {
  const registry = new Registry();
  let state: RunState;
  const registers = [registry];
  const nameOf = (name: string) => `odin_loadtest_${name}`;
  new Gauge({
    ...{ name: nameOf('phase'), help: 'Phase of the run: 1 for the present one' },
    ...{ labelNames: ['phase'], registers },
    // The first to be collected: all others read the same moment.
    collect() {
      state = { ...look() };
      for (const phase of phases) this.set({ phase }, phase === state.phase ? 1 : 0);
    },
  });
  for (const [name, help, read] of connectionGauges) {
    new Gauge({
      ...{ name: nameOf(name), help, registers },
      collect() {
        this.set(read(state));
      },
    });
  }
  for (const [name, help, read, needs] of counters) {
    if (needs !== undefined && !told[needs]) continue;
    new Counter({
      ...{ name: nameOf(`${name}_total`), help, registers },
      collect() {
        this.reset();
        this.inc(Math.max(0, read(state)));
      },
    });
  }
  kindGauge(registry, nameOf('kind_clients_active'), 'Clients of a kind that are open now', () =>
    state.kinds.map(({ name, active }) => [name, active]),
  );
  kindGauge(registry, nameOf('kind_clients_target'), 'Clients of a kind asked for', () =>
    state.kinds.map(({ name, target }) => [name, target]),
  );
  quantileGauge(
    registry,
    nameOf('latency_quantile_seconds'),
    'Latency of events by quantile',
    () => (told.time ? [['', state.totals.latency]] : []),
  );
  quantileGauge(registry, nameOf('connect_quantile_seconds'), 'Time since the planned start', () =>
    connectPhases.map((phase: ConnectPhase) => [phase, state.totals.phases[phase]] as const),
  );
  errorCounter(registry, nameOf('errors_total'), () => state.totals);
  return { registry };
}

/** Those that misbehave are told here only; those that behave without a mix have no name. */
function kindGauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => readonly (readonly [kind: string, count: number])[],
): void {
  new Gauge({
    ...{ name, help, labelNames: ['kind'], registers: [registry] },
    collect() {
      this.reset();
      for (const [kind, count] of read()) this.set({ kind: kind || 'good' }, count);
    },
  });
}

function quantileGauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => readonly (readonly [phase: string, histogram: Totals['latency']])[],
): void {
  new Gauge({
    ...{ name, help, labelNames: ['quantile', 'phase'], registers: [registry] },
    collect() {
      this.reset();
      for (const [phase, histogram] of read()) {
        if (histogram.count === 0) continue;
        for (const quantile of quantiles) {
          const labels = { quantile: String(quantile), ...(phase && { phase }) };
          this.set(labels, histogram.percentile(100 * quantile) / 1_000);
        }
      }
    },
  });
}

/** The classes are a closed set, but for statuses and close codes of the server's choice. */
function errorCounter(registry: Registry, name: string, read: () => Totals): void {
  new Counter({
    ...{ name, help: 'Errors by class and blame', labelNames: ['class', 'blame'] },
    registers: [registry],
    collect() {
      this.reset();
      for (const { class: errorClass, blame, count } of read().errors.list()) {
        this.inc({ class: errorClass, blame }, count);
      }
    },
  });
}

/** Status shape: whether a status report holds all that is shown of it; another version's may not. */
import { isObject } from '../base/values.ts';

/** Where a value is not as it should be; undefined when it is. */
type Check = (value: unknown, path: string) => string | undefined;

const leaf =
  (isRight: (value: unknown) => boolean): Check =>
  (value, path) =>
    isRight(value) ? undefined : path;

const number = leaf((value) => Number.isFinite(value));
const text = leaf((value) => typeof value === 'string');
const flag = leaf((value) => typeof value === 'boolean');

const orNull =
  (check: Check): Check =>
  (value, path) =>
    value === null ? undefined : check(value, path);

const ifThere =
  (check: Check): Check =>
  (value, path) =>
    value === undefined ? undefined : check(value, path);

const list =
  (check: Check): Check =>
  (value, path) =>
    Array.isArray(value) ? firstFault(value.entries(), check, path) : path;

/** An object of numbers by whatever names. */
const counts: Check = (value, path) =>
  isObject(value) ? firstFault(Object.entries(value), number, path) : path;

const object =
  (shape: Readonly<Record<string, Check>>): Check =>
  (value, path) => {
    if (!isObject(value)) return path;
    for (const [name, check] of Object.entries(shape)) {
      const fault = check(value[name], path === '' ? name : `${path}.${name}`);
      if (fault !== undefined) return fault;
    }
    return undefined;
  };

function firstFault(
  entries: Iterable<readonly [string | number, unknown]>,
  check: Check,
  path: string,
): string | undefined {
  for (const [key, value] of entries) {
    const fault = check(value, `${path}.${key}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const numbers = (...names: readonly string[]): Record<string, Check> =>
  Object.fromEntries(names.map((name) => [name, number]));
const texts = (...names: readonly string[]): Record<string, Check> =>
  Object.fromEntries(names.map((name) => [name, text]));

const listing = (row: Check): Check => ifThere(object({ rows: list(row), left_out: number }));

const shard = object({
  ...numbers('shard', 'connections', 'pending_slots', 'behind', 'cpu_percent', 'cpu_ms'),
  ...numbers('memory_bytes', 'loop_delay_ms', 'delivered', 'feed_lag_events', 'feed_stalls'),
  ...{ restarts: number, pid: orNull(number), state: text },
});

const report = object({
  ...{ ...texts('node', 'mode'), ...numbers('uptime_s', 'monotonic_ms'), ready: flag },
  connections: object({
    ...numbers('current', 'max', 'behind', 'users', 'accepted', 'lost', 'fell_behind'),
    ...{ throttled: object(numbers('light', 'medium', 'heavy')), refused: counts, closed: counts },
  }),
  messages: object({
    ...numbers('ingested', 'ingested_bytes', 'delivered', 'sent_bytes', 'socket_writes'),
    ...{ lost_positions: number, skipped: counts, spared: counts },
  }),
  latency: object({
    ...{ count: number, p99_ms: orNull(number) },
    buckets: list(object({ le_ms: orNull(number), count: number })),
  }),
  flush: object(numbers('count', 'events', 'interval_ms', 'cohorts')),
  history: object({ ...numbers('events', 'bytes'), warm: flag }),
  broker: object({
    ...{ ...texts('kind', 'epoch'), connected: flag, paused: flag, paused_for: list(text) },
    ...{ ...numbers('lag_records', 'lag_s'), last_error: orNull(text), pauses: counts },
  }),
  guard: object({
    ...numbers('level', 'cpu_percent', 'memory_percent', 'memory_bytes', 'memory_limit_bytes'),
    ...{ ...numbers('loop_delay_ms', 'transitions', 'shed'), refusing: orNull(text) },
  }),
  drain: orNull(object({ reason: text, ...numbers('clients', 'remaining') })),
  recovery: object(numbers('complete', 'incomplete', 'messages')),
  process: object(numbers('pid', 'cpu_ms')),
  shards: list(shard),
  // Older versions have neither.
  ...{ silent_shards: ifThere(list(number)), instance: ifThere(text) },
  channels: listing(object({ channel: text, ...numbers('events_per_s', 'subscribers') })),
  clients: listing(
    object({
      ...{ client: text, user: orNull(text), address: orNull(text), behind: flag },
      ...numbers('subscriptions', 'throttle', 'lag_events', 'lag_ms', 'buffered_bytes'),
    }),
  ),
  partitions: listing(
    object({ topic: text, ...numbers('partition', 'next', 'high', 'lag_records') }),
  ),
  machine: ifThere(
    object({
      ...{ ...texts('name', 'system'), ...numbers('cpus', 'load', 'cpu_busy_ms', 'cpu_idle_ms') },
      ...numbers('memory_bytes', 'memory_free_bytes'),
    }),
  ),
});

/** Name of the first thing that a report lacks or has otherwise: `broker.lag_records`; undefined when it is whole. */
export function faultOfReport(found: unknown): string | undefined {
  return report(found, '');
}

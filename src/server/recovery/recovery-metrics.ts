/** Metrics of clients that return: how many, what they got, what had to be read back. */
import type { Registry } from 'prom-client';
import type { Counters } from '../reporting/counters.ts';
import { counter, labelled } from '../reporting/metric-kinds.ts';

/** Adds them to a registry. */
export function addRecoveryMetrics(registry: Registry, counters: Counters): void {
  labelled(
    registry,
    'odin_recoveries_total',
    'Channels that clients resumed, by whether everything missed could be sent',
    'result',
    () => counters.recoveries,
  );
  counter(
    registry,
    'odin_recovered_messages_total',
    'Missed events sent to clients that returned',
    () => counters.recoveredMessages,
  );
  counter(
    registry,
    'odin_read_backs_total',
    'Reads of the broker for what the history no longer holds',
    () => counters.readBacks,
  );
  counter(
    registry,
    'odin_read_back_records_total',
    'Records that these reads returned',
    () => counters.readBackRecords,
  );
}

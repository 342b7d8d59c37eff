/** Metrics of compression: what it costs and what it saves. */
import type { Registry } from 'prom-client';
import { counter, labelled } from '../reporting/metric-kinds.ts';
import type { NodeState } from '../reporting/node-state.ts';

/** Adds them to a registry. */
export function addCompressionMetrics(registry: Registry, { counters }: NodeState): void {
  labelled(
    registry,
    'odin_compression_flushes_total',
    'Flushes to clients with compression: made smaller, or left as they were',
    'result',
    () =>
      new Map([
        ['deflated', counters.flushesDeflated],
        ['left', counters.flushesNotDeflated],
      ]),
  );
  counter(
    registry,
    'odin_deflate_input_bytes_total',
    'Bytes before deflating, once per flush',
    () => counters.deflateInputBytes,
  );
  counter(
    registry,
    'odin_deflate_output_bytes_total',
    'Bytes after deflating, once per flush',
    () => counters.deflateOutputBytes,
  );
  counter(
    registry,
    'odin_deflate_cpu_seconds_total',
    'Time spent deflating',
    () => counters.deflateMs / 1_000,
  );
  counter(
    registry,
    'odin_compression_saved_bytes_total',
    'Bytes that did not have to be sent to clients, over all of them',
    () => counters.bytesSaved,
  );
}

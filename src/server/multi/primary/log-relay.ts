/** LogRelay: the log of a shard, line by line, as part of the primary's. */
import type { Log } from '../../../host/log.ts';

/** Writes one line of a shard's JSON log into `log`, with the shard's number. */
export function relayLine(log: Log, shard: number, line: string): void {
  const { level, time: _time, msg, ...fields } = parse(line);
  const isLevel = typeof level === 'string' && level in log.levels.values;
  log.child({ shard })[isLevel ? (level as 'info') : 'info'](fields, String(msg ?? ''));
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { msg: line };
  }
}

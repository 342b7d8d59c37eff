/** The log: always on stderr, JSON lines for machines or short lines for people. */
import { type Logger, pino } from 'pino';
import { build as pretty } from 'pino-pretty';
import type { Output } from './host.ts';

/** A structured logger; children carry `part`. */
export type Log = Logger;

/** How the log looks; `auto` is `pretty` on a terminal and `json` elsewhere. */
export type LogFormat = 'auto' | 'json' | 'pretty';

/**
 * A logger that writes to `output` in this process: pino's worker transports lose lines at exit.
 * `pretty` is imported eagerly with this module, so only commands that log load it.
 */
export function createLog(output: Output, level: string, format: LogFormat, hasColor = false): Log {
  const isPretty = format === 'pretty' || (format === 'auto' && output.isTTY === true);
  const options = {
    level,
    base: null,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (!isPretty) return pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime }, output);
  return pino(
    { level, base: null },
    pretty({
      destination: output,
      colorize: hasColor,
      ignore: 'part',
      messageFormat: '{if part}{part}: {end}{msg}',
      translateTime: 'HH:MM:ss',
    }),
  );
}

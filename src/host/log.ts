/** The log: always on stderr, JSON lines for machines or short lines for people. */
import { createRequire } from 'node:module';
import { type Logger, pino } from 'pino';
import type PinoPretty from 'pino-pretty';
import type { Output } from './host.ts';
import { LogOutput } from './log-output.ts';

/** A structured logger; children carry `part`. */
export type Log = Logger;

/** How the log looks; `auto` is `pretty` on a terminal and `json` elsewhere. */
export type LogFormat = 'auto' | 'json' | 'pretty';

/**
 * A logger that writes to `output` in this process: pino's worker transports lose lines at exit.
 * Lines that `output` does not take are counted, and told when it takes some again.
 */
export function createLog(output: Output, level: string, format: LogFormat, hasColor = false): Log {
  const isPretty = format === 'pretty' || (format === 'auto' && output.isTTY === true);
  const destination = new LogOutput(output, (lost) =>
    log.error({ lost }, 'lines of this log were lost: nothing took them'),
  );
  const log = isPretty
    ? pino({ level, base: null }, prettyTo(destination, hasColor))
    : pino({ ...jsonOptions, level, base: null }, destination);
  return log;
}

/** Only who wants it pays the 2 MiB that it takes, which each shard of a server would. */
function prettyTo(destination: LogOutput, colorize: boolean) {
  const { build } = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty;
  return build({ ...prettyOptions, destination, colorize });
}

const jsonOptions = {
  formatters: { level: (label: string) => ({ level: label }) },
  timestamp: pino.stdTimeFunctions.isoTime,
};

const prettyOptions = {
  ignore: 'part',
  messageFormat: '{if part}{part}: {end}{msg}',
  translateTime: 'HH:MM:ss',
};

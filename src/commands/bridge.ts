/** `odin bridge`: carries the records of one broker into another, each exactly once. */
import { type ExitCode, exitCodes, UsageError } from '../base/errors.ts';
import { formatCount, formatDuration } from '../base/units.ts';
import type { CarryStatus } from '../bridge/carry-counts.ts';
import { shown } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import { isBrokerUrl } from '../config/sections/broker.ts';
import { isTopicPrefix, topicPrefixHint, topics } from '../events/categories.ts';
import { createLog, type Log } from '../host/log.ts';
import { formatTable, writeJson, writeLine } from '../host/output.ts';
import { createProgressLine, type ProgressLine } from '../host/progress-line.ts';
import { defineCommand } from './define-command.ts';
import { nodeIdOf } from './node-id.ts';

const progressMs = 500;
const logMs = 10_000;

/** See the file's first line. */
export const bridge = defineCommand({
  sections: ['broker', 'log'],
  quietSections: ['server'],
  omit: ['broker.url', 'broker.embedded'],
  callFlags: [
    { name: 'from', value: '<broker>', description: 'where records are read' },
    { name: 'to', value: '<broker>', description: 'where they are carried to' },
    { name: 'to-prefix', value: '<text>', description: 'put before the topics of the target' },
    { name: 'until-caught-up', description: 'end when all is carried that the source holds' },
  ],
  json: 'print the totals and positions as JSON',
  examples: [
    'odin bridge --from nats://127.0.0.1:4222 --to kafka://127.0.0.1:9092',
    'odin bridge --from kafka://old:9092 --to kafka://new:9092 --until-caught-up',
    'odin bridge --from kafka://127.0.0.1:9092 --to kafka://127.0.0.1:9092 --to-prefix copy.',
  ],
  async run({ config, host, isJson, flags }) {
    const { Bridge } = await import('../bridge/bridge.ts');
    const { openBroker } = await import('../broker/open.ts');
    using line = createProgressLine(host.stderr);
    const log = createLog(line.beside, config.log.level, config.log.format, host.hasColor);
    const prefix = flags.get('to-prefix')?.at(-1) ?? '';
    const from = brokerOf(config.broker, 'from', flags.get('from'));
    const sourceTopics = from.url.startsWith('kafka:') ? from.kafka.topics : topics;
    const to = brokerOf(config.broker, 'to', flags.get('to'));
    const target = withTopics(to, prefix, sourceTopics);
    const untilCaughtUp = flags.has('until-caught-up');
    const nodeId = `bridge-${nodeIdOf(config.server)}`;
    const carrying = new Bridge({
      openSource: () => openBroker(from, { log: log.child({ part: 'source' }), nodeId }),
      openTarget: () => openBroker(target, { log: log.child({ part: 'target' }), nodeId }),
      sourceTopics,
      toTopic: (topic) => prefix + topic,
      untilCaughtUp,
      log,
      signal: host.signal,
    });
    {
      using _ = reporting(() => carrying.status(), line, log);
      await carrying.run();
    }
    const status = carrying.status();
    const positions = carrying.positions();
    if (isJson) await writeJson(host.stdout, { schemaVersion: 1, ...status, positions });
    else await writeLine(host.stdout, `${formatPositions(positions)}\n${formatTotals(status)}`);
    return exitCodeOf(status, untilCaughtUp && host.signal.aborted);
  },
});

function brokerOf(
  config: Config['broker'],
  flag: string,
  given: readonly string[] | undefined,
): Config['broker'] {
  const url = given?.at(-1);
  const hint = 'odin bridge --from nats://host:port --to kafka://host:port';
  if (url === undefined) throw new UsageError(`--${flag} is missing`, { hint });
  if (url === 'embedded') {
    throw new UsageError(
      `--${flag}: the embedded broker lives in \`odin serve\` and ends with it`,
      {
        hint: 'bridge between Kafka and NATS',
      },
    );
  }
  if (!isBrokerUrl(url)) {
    const login = url.includes('@') ? '; a login goes into NATS_USER and NATS_PASSWORD' : '';
    const range = /:\d{5,}/.test(url) ? '; ports go from 1 to 65535' : '';
    throw new UsageError(`--${flag}: not a broker: ${shown(url)}`, {
      hint: `${hint}${login}${range}`,
    });
  }
  return { ...config, url };
}

function withTopics(
  config: Config['broker'],
  prefix: string,
  sourceTopics: readonly string[],
): Config['broker'] {
  const isKafka = config.url.startsWith('kafka:');
  if (prefix !== '' && !(isKafka && isTopicPrefix(prefix))) {
    throw new UsageError(`--to-prefix: cannot put "${prefix}" before the topics of ${config.url}`, {
      hint: topicPrefixHint,
    });
  }
  return {
    ...config,
    kafka: { ...config.kafka, topics: sourceTopics.map((name) => prefix + name) },
  };
}

/** A line that is rewritten on a terminal, a log line now and then elsewhere. */
function reporting(status: () => CarryStatus, line: ProgressLine, log: Log): Disposable {
  const isTerminal = line.beside.isTTY === true;
  const show = () => {
    if (isTerminal) line.show(formatStatus(status()));
    else log.info({ ...rounded(status()) }, 'bridge');
  };
  const timer = setInterval(show, isTerminal ? progressMs : logMs);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      line[Symbol.dispose]();
    },
  };
}

function rounded({ rate, elapsedMs, ...counts }: CarryStatus): CarryStatus {
  return { ...counts, rate: Math.round(rate), elapsedMs: Math.round(elapsedMs) };
}

function formatStatus({ carried, rate, lag, lost, skipped }: CarryStatus): string {
  const parts = [`${formatCount(carried)} carried`, `${formatCount(rate)}/s`];
  parts.push(`${formatCount(lag)} behind`);
  if (lost > 0) parts.push(`${formatCount(lost)} lost`);
  if (skipped > 0) parts.push(`${formatCount(skipped)} skipped`);
  return parts.join('  ');
}

function formatTotals({ carried, present, lost, skipped, lag, elapsedMs }: CarryStatus): string {
  const seconds = formatDuration(Math.max(1, Math.round(elapsedMs / 1_000)) * 1_000);
  const parts = [`${formatCount(carried)} records carried in ${seconds}`];
  if (present > 0) parts.push(`${formatCount(present)} were there already`);
  if (skipped > 0) parts.push(`${formatCount(skipped)} skipped`);
  if (lost > 0) parts.push(`${formatCount(lost)} gone from the source before they were read`);
  parts.push(`${formatCount(lag)} left in the source`);
  return parts.join(', ');
}

function formatPositions(
  positions: readonly { lane: string; partition: number; next: number }[],
): string {
  const lanes = Map.groupBy(positions, ({ lane }) => lane);
  const rows = [...lanes].map(([lane, ofLane]) => [
    lane,
    ofLane.map(({ partition, next }) => `${partition}:${next}`).join(' '),
  ]);
  return formatTable(['source', 'goes on with'], rows);
}

function exitCodeOf({ lost, skipped }: CarryStatus, isCutShort: boolean): ExitCode {
  if (lost > 0 || skipped > 0) return exitCodes.partial;
  return isCutShort ? exitCodes.interrupted : exitCodes.ok;
}

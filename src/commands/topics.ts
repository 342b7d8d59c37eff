/** `odin topics create | list | tail`: the topics that odin uses, on the broker, and what is in them. */
import { exitCodes, UsageError } from '../base/errors.ts';
import { formatBytes, formatCount, formatDuration } from '../base/units.ts';
import type { Broker, TopicDescription, TopicOutcome } from '../broker/broker.ts';
import { shown } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import {
  categories,
  categoryFacts,
  isTopicPrefix,
  partitionsPerTopic,
  topicPrefixHint,
} from '../events/categories.ts';
import type { Host } from '../host/host.ts';
import { createLog } from '../host/log.ts';
import { formatTable, writeJson, writeLine } from '../host/output.ts';
import { unlessInterrupted } from '../host/signals.ts';
import { type Configure, defineCommand } from './define-command.ts';
import { tail } from './topics-tail.ts';

const create = defineCommand({
  sections: ['topics', 'broker', 'log'],
  omit: ['broker.embedded', 'broker.kafka.topics'],
  callFlags: [
    { name: 'yes', description: 'change what differs, where that loses nothing' },
    {
      name: 'prefix',
      value: '<text>',
      description: 'put before the names, for a copy that `odin bridge --to-prefix` fills (Kafka)',
    },
  ],
  json: 'print what was done as JSON',
  examples: [
    'odin topics create --broker kafka://127.0.0.1:9092 --replication-factor 3',
    'odin topics create --broker nats://127.0.0.1:4222',
    'odin topics create --broker kafka://127.0.0.1:9092 --yes',
  ],
  async run({ config, host, isJson, flags }) {
    const prefix = prefixOf(config.broker.url, flags.get('prefix')?.at(-1));
    const wanted = wantedTopics(config.topics.replicationFactor, prefix);
    const change = flags.has('yes');
    const outcomes = await ask(config, host, (broker) => broker.createTopics(wanted, { change }));
    if (isJson) await writeJson(host.stdout, { schemaVersion: 1, topics: outcomes });
    else {
      const rows = outcomes.map((row) => [row.topic, row.outcome, row.differences.join('; ')]);
      await writeLine(host.stdout, formatTable(['topic', 'outcome', 'differences'], rows));
    }
    const differs = outcomes.some(({ outcome }) => outcome === 'differs');
    for (const note of notesOf(outcomes)) host.stderr.write(`note: ${note}\n`);
    if (!change && outcomes.some(({ isChangeable }) => isChangeable))
      host.stderr.write('hint: --yes changes what differs\n');
    return differs ? exitCodes.changesPending : exitCodes.ok;
  },
});

const list = defineCommand({
  sections: ['broker', 'log'],
  omit: ['broker.embedded'],
  json: 'print the topics as JSON',
  examples: ['odin topics list --broker kafka://127.0.0.1:9092'],
  async run({ config, host, isJson }) {
    const found = await ask(config, host, (broker) => broker.listTopics());
    if (isJson) await writeJson(host.stdout, { schemaVersion: 1, topics: found });
    else if (found.length === 0) {
      await writeLine(
        host.stdout,
        'none of the topics of odin exist; `odin topics create` makes them',
      );
    } else await writeLine(host.stdout, formatTopics(found));
    return undefined;
  },
});

/** Connects for one question. */
async function ask<T>(
  config: Pick<Config, 'broker' | 'log'>,
  host: Host,
  question: (broker: Broker) => Promise<T>,
): Promise<T> {
  if (config.broker.url === 'embedded') {
    throw new UsageError('the embedded broker lives in `odin serve` and needs no topics', {
      hint: 'name the broker to look at: --broker kafka://host:port or nats://host:port',
    });
  }
  const { openBroker } = await import('../broker/open.ts');
  const log = createLog(host.stderr, config.log.level, config.log.format, host.hasColor);
  const answer = async () => {
    await using broker = await openBroker(config.broker, { log, nodeId: 'topics' });
    return await question(broker);
  };
  return await unlessInterrupted(answer(), host.signal, `waiting for ${config.broker.url}`);
}

function prefixOf(url: string, prefix = ''): string {
  if (prefix === '' || (url.startsWith('kafka:') && isTopicPrefix(prefix))) return prefix;
  throw new UsageError(`--prefix: cannot put ${shown(prefix)} before the topics of ${url}`, {
    hint: topicPrefixHint,
  });
}

function wantedTopics(replicationFactor: number, prefix: string): TopicDescription[] {
  return categories.map((category) => ({
    ...categoryFacts[category],
    topic: prefix + categoryFacts[category].topic,
    partitions: partitionsPerTopic,
    replicationFactor,
  }));
}

/** Each once, with the topics that it is about. */
function notesOf(outcomes: readonly TopicOutcome[]): string[] {
  const topicsOf = new Map<string, string[]>();
  for (const { topic, notes = [] } of outcomes) {
    for (const note of notes) topicsOf.set(note, [...(topicsOf.get(note) ?? []), topic]);
  }
  return [...topicsOf].map(([note, topics]) => `${topics.join(', ')}: ${note}`);
}

function formatTopics(found: readonly TopicDescription[]): string {
  const limit = (value: number, show: (value: number) => string) =>
    value < 0 ? 'unlimited' : show(value);
  const rows = found.map(({ topic, partitions, replicationFactor, retentionMs, stream }) => [
    topic,
    String(partitions),
    String(replicationFactor),
    ...(stream === undefined
      ? []
      : [limit(stream.maxRecords, formatCount), limit(stream.maxBytes, formatBytes)]),
    retentionMs < 0 ? 'for ever' : formatDuration(retentionMs),
  ]);
  const isStream = found.some(({ stream }) => stream !== undefined);
  const limits = isStream ? ['records', 'bytes'] : [];
  return formatTable(['topic', 'partitions', 'replicas', ...limits, 'kept for'], rows);
}

/** See the file's first line. */
export const topics: Configure = (command, host, onExit) => {
  const describe = (name: string, text: string) => command.command(name).description(text);
  create(
    describe(
      'create',
      'Create the topics that are missing, and show how the others differ; change those with --yes.',
    ),
    host,
    onExit,
  );
  list(describe('list', 'List the topics of odin that the broker has.'), host, onExit);
  tail(describe('tail', 'Print events of channels as they come.'), host, onExit);
  return command;
};

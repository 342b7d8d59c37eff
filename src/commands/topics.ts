/** `odin topics create | list`: the topics that odin uses, on the broker. */
import { exitCodes, UsageError } from '../base/errors.ts';
import { formatDuration } from '../base/units.ts';
import type { TopicDescription } from '../broker/broker.ts';
import type { Config } from '../config/schema.ts';
import { categories, categoryFacts, partitionsPerTopic } from '../events/categories.ts';
import type { Host } from '../host/host.ts';
import { createLog } from '../host/log.ts';
import { formatTable, writeJson, writeLine } from '../host/output.ts';
import { type Configure, defineCommand } from './define-command.ts';

const create = defineCommand({
  sections: ['topics', 'broker', 'log'],
  json: 'print what was done as JSON',
  examples: ['odin topics create --broker kafka://127.0.0.1:9092 --replication-factor 3'],
  async run({ config, host, isJson }) {
    await using broker = await connect(config, host);
    const outcomes = await broker.createTopics(wantedTopics(config.topics.replicationFactor));
    if (isJson) await writeJson(host.stdout, { schemaVersion: 1, topics: outcomes });
    else {
      const rows = outcomes.map((row) => [row.topic, row.outcome, row.differences.join('; ')]);
      await writeLine(host.stdout, formatTable(['topic', 'outcome', 'differences'], rows));
    }
    const differs = outcomes.some(({ outcome }) => outcome === 'differs');
    return differs ? exitCodes.changesPending : exitCodes.ok;
  },
});

const list = defineCommand({
  sections: ['broker', 'log'],
  json: 'print the topics as JSON',
  examples: ['odin topics list --broker kafka://127.0.0.1:9092'],
  async run({ config, host, isJson }) {
    await using broker = await connect(config, host);
    const found = await broker.listTopics();
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

async function connect(config: Pick<Config, 'broker' | 'log'>, host: Host) {
  if (config.broker.url === 'embedded') {
    throw new UsageError('the embedded broker lives in `odin serve` and needs no topics', {
      hint: 'name the Kafka to look at: --broker kafka://host:port, or KAFKA_BROKERS',
    });
  }
  const { openBroker } = await import('../broker/open.ts');
  const log = createLog(host.stderr, config.log.level, config.log.format, host.hasColor);
  return openBroker(config.broker, { log, nodeId: 'topics' });
}

function wantedTopics(replicationFactor: number): TopicDescription[] {
  return categories.map((category) => ({
    ...categoryFacts[category],
    partitions: partitionsPerTopic,
    replicationFactor,
  }));
}

function formatTopics(found: readonly TopicDescription[]): string {
  const rows = found.map(({ topic, partitions, replicationFactor, retentionMs }) => [
    topic,
    String(partitions),
    String(replicationFactor),
    retentionMs < 0 ? 'for ever' : formatDuration(retentionMs),
  ]);
  return formatTable(['topic', 'partitions', 'replicas', 'kept for'], rows);
}

/** See the file's first line. */
export const topics: Configure = (command, host, onExit) => {
  const describe = (name: string, text: string) => command.command(name).description(text);
  create(
    describe('create', 'Create the topics that are missing; change none that exist.'),
    host,
    onExit,
  );
  list(describe('list', 'List the topics of odin that the broker has.'), host, onExit);
  return command;
};

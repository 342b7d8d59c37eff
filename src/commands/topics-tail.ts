/** `odin topics tail`: prints events of some channels as they come. */
import { exitCodes, UsageError } from '../base/errors.ts';
import { parseDurationMs } from '../base/units.ts';
import type { BrokerRecord, Consumption, LostRange } from '../broker/broker.ts';
import type { Config } from '../config/schema.ts';
import { categoryFacts, categoryOfTopic, isCategory } from '../events/categories.ts';
import { normaliseChannel, subscriptionsMatching } from '../events/channel.ts';
import type { Host } from '../host/host.ts';
import { createLog } from '../host/log.ts';
import { unlessInterrupted } from '../host/signals.ts';
import { defineCommand } from './define-command.ts';
import { nodeIdOf } from './node-id.ts';
import { channelOf, formatRecord, recordJson } from './tail-lines.ts';
import { readServerUrl, ServerTail, type ServerTailRequest } from './tail-server.ts';

/** Channels whose answer is remembered; beyond, all are asked again. */
const maxRemembered = 10_000;

/** See the file's first line. */
export const tail = defineCommand({
  sections: ['broker', 'log'],
  quietSections: ['server'],
  omit: ['broker.embedded'],
  operands: ['channel…'],
  callFlags: [
    {
      name: 'url',
      value: '<ws://…>',
      description: 'read from a running server, not from a broker',
    },
    { name: 'since', value: '<duration>', description: 'begin with what came in this time' },
    { name: 'limit', value: '<n>', description: 'end after so many events' },
  ],
  json: 'print each event as a line of JSON',
  examples: [
    "odin topics tail BTC.trade 'ETH.*' --broker kafka://127.0.0.1:9092",
    "odin topics tail '*.trade' --since 30s --limit 100 --json",
    'odin topics tail global.trending --broker nats://127.0.0.1:4222',
    'odin topics tail BTC.trade --url ws://127.0.0.1:3004/ws',
  ],
  async run({ config, resolved, host, isJson, operands, flags }) {
    const wanted = readChannels(operands);
    const lookbackMs = readSince(flags.get('since')?.at(-1));
    const limit = readLimit(flags.get('limit')?.at(-1));
    const columns = host.stdout.isTTY === true ? host.stdout.columns : undefined;
    const format = isJson ? recordJson : (record: BrokerRecord) => formatRecord(record, columns);
    const printer = new Printer(host, { wanted, limit, format });
    const given = flags.get('url')?.at(-1);
    if (given !== undefined && resolved.origins.get('broker.url') === '--broker')
      throw new UsageError('--url and --broker exclude each other: events are read in one place');
    const url = serverUrl(config, given);
    if (url !== undefined) {
      await printServer(printer, host, { url, channels: [...wanted], lookbackMs });
      return printer.isCutShort ? exitCodes.interrupted : undefined;
    }
    const { openBroker } = await import('../broker/open.ts');
    // Lines of a log among the events: only what is wrong.
    const level = config.log.level === 'info' ? 'warn' : config.log.level;
    const log = createLog(host.stderr, level, config.log.format, host.hasColor);
    const nodeId = `tail-${nodeIdOf(config.server)}`;
    const open = async () => {
      await using opened = new AsyncDisposableStack();
      const settings = brokerFor(config.broker, wanted);
      const broker = opened.use(await openBroker(settings, { log, nodeId }));
      const consumption = opened.use(
        await broker.consume({
          lookbackMs,
          onRecords: (records) => printer.take(records),
          onLost: (range) => host.stderr.write(`lost: ${formatRange(range)}\n`),
        }),
      );
      const owned = opened.move();
      return { consumption, [Symbol.asyncDispose]: () => owned.disposeAsync() };
    };
    const doing = `connecting to ${config.broker.url}`;
    await using reading = await unlessInterrupted(open(), host.signal, doing);
    await printer.run(reading.consumption);
    return printer.isCutShort ? exitCodes.interrupted : undefined;
  },
});

/** The server to read from: the one that was named, or that which has the embedded broker. */
function serverUrl(
  { broker, server }: Pick<Config, 'broker' | 'server'>,
  given: string | undefined,
): string | undefined {
  if (given !== undefined) return readServerUrl(given);
  return broker.url === 'embedded' ? `ws://127.0.0.1:${server.port}/ws` : undefined;
}

async function printServer(
  printer: Printer,
  host: Host,
  where: Pick<ServerTailRequest, 'url' | 'channels' | 'lookbackMs'>,
): Promise<void> {
  const opening = ServerTail.open({
    ...where,
    onRecords: (records) => printer.take(records),
    onLost: (what) => host.stderr.write(`lost: ${what}\n`),
  });
  using server = await unlessInterrupted(opening, host.signal, 'connecting to the server');
  await Promise.race([printer.run(server), server.ended]);
}

interface Printing {
  readonly wanted: ReadonlySet<string>;
  readonly limit: number;
  readonly format: (record: BrokerRecord) => string;
}

/** Writes lines as fast as they are read, and holds the consumption when they are not. */
class Printer {
  readonly #host: Host;
  readonly #printing: Printing;
  readonly #isWanted = new Map<string, boolean>();
  readonly #end = Promise.withResolvers<void>();
  #consumption: Pick<Consumption, 'pause' | 'resume'> | undefined;
  #isOver = false;
  #isFull = false;
  #printed = 0;

  constructor(host: Host, printing: Printing) {
    this.#host = host;
    this.#printing = printing;
  }

  /** Whether Ctrl-C came before the limit that was asked for. */
  get isCutShort(): boolean {
    const { limit } = this.#printing;
    return this.#host.signal.aborted && Number.isFinite(limit) && this.#printed < limit;
  }

  /** Resolves at the limit, at Ctrl-C, and when nobody reads any more. */
  async run(consumption: Pick<Consumption, 'pause' | 'resume'>): Promise<void> {
    this.#consumption = consumption;
    if (this.#isFull) consumption.pause();
    const { stdout, signal } = this.#host;
    const stop = () => {
      this.#isOver = true;
      this.#end.resolve();
    };
    const drained = () => {
      this.#isFull = false;
      consumption.resume();
    };
    stdout.on('error', stop).on('close', stop).on('drain', drained);
    signal.addEventListener('abort', stop);
    try {
      if (signal.aborted || !stdout.writable) stop();
      await this.#end.promise;
    } finally {
      stdout.off('error', stop).off('close', stop).off('drain', drained);
      signal.removeEventListener('abort', stop);
    }
  }

  take(records: readonly BrokerRecord[]): void {
    const { limit, format } = this.#printing;
    let text = '';
    for (const record of records) {
      if (this.#isOver) break;
      if (!this.#wants(record)) continue;
      text += `${format(record)}\n`;
      if (++this.#printed < limit) continue;
      this.#isOver = true;
      this.#end.resolve();
    }
    const { stdout } = this.#host;
    if (text === '' || !stdout.writable || stdout.write(text)) return;
    this.#isFull = true;
    this.#consumption?.pause();
  }

  #wants(record: BrokerRecord): boolean {
    const { wanted } = this.#printing;
    const channel = channelOf(record);
    if (channel === undefined) return wanted.has('*');
    const known = this.#isWanted.get(channel);
    if (known !== undefined) return known;
    if (this.#isWanted.size >= maxRemembered) this.#isWanted.clear();
    const isWanted = subscriptionsMatching(channel).some((name) => wanted.has(name));
    this.#isWanted.set(channel, isWanted);
    return isWanted;
  }
}

function readChannels(names: readonly string[]): ReadonlySet<string> {
  const channels = new Set<string>();
  const bad: string[] = [];
  for (const name of names) {
    const channel = normaliseChannel(name);
    if (channel === undefined) bad.push(`not a channel: ${JSON.stringify(name)}`);
    else channels.add(channel);
  }
  if (bad.length === 0) return channels;
  throw new UsageError(bad.join('\n'), {
    hint: 'channels are BTC.trade, BTC.*, *.trade, global.trending, or * for all',
  });
}

function readSince(text: string | undefined): number {
  if (text === undefined) return 0;
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  throw new UsageError(`--since: expected a duration such as 30s, got ${JSON.stringify(text)}`);
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new UsageError(
    `--limit: expected a whole number of at least 1, got ${JSON.stringify(text)}`,
  );
}

/** Reads no topic that none of the channels can be in. */
function brokerFor(config: Config['broker'], wanted: ReadonlySet<string>): Config['broker'] {
  const needed = new Set<string>();
  for (const channel of wanted) {
    const suffix = channel.slice(channel.indexOf('.') + 1);
    if (channel.startsWith('global.') || !isCategory(suffix)) return config;
    needed.add(categoryFacts[suffix].topic);
  }
  const topics = config.kafka.topics.filter(
    (topic) => needed.has(topic) || categoryOfTopic(topic) === undefined,
  );
  return topics.length === 0 ? config : { ...config, kafka: { ...config.kafka, topics } };
}

function formatRange({ topic, partition, from, to }: LostRange): string {
  const place = topic === undefined ? 'the stream' : `${topic}/${partition}`;
  return `${place} from ${from} to ${to}: gone from the broker before it was read`;
}

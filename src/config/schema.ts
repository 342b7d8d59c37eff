/** The whole configuration. Flags, environment names, docs and the editor schema derive from it. */
import * as z from 'zod';
import { topics } from '../events/categories.ts';
import { isSymbol, normaliseChannel } from '../events/channel.ts';
import { amount, bytes, count, duration, list, text, toggle } from './fields.ts';

const server = z.strictObject({
  mode: z
    .enum(['single'], { error: 'expected single' })
    .prefault('single')
    .describe('how many processes serve: single is one')
    .meta({ env: 'WS_MODE' }),
  host: text().prefault('0.0.0.0').describe('address to listen on'),
  port: count({ max: 65_535 }).prefault(3004).describe('port to listen on; 0 takes a free one'),
  nodeId: text()
    .optional()
    .describe(
      'name of this node, unique among the nodes of a broker; default: host name and a random part',
    )
    .meta({ env: 'ODIN_NODE_ID' }),
  maxConnections: count({ min: 1 })
    .prefault(12_000)
    .describe('refuse clients above this number')
    .meta({ env: 'WS_MAX_CONNECTIONS' }),
  maxSubscriptions: count({ min: 1 }).prefault(200).describe('subscriptions one client may hold'),
  maxPayloadBytes: bytes({ min: 128 })
    .prefault('16KiB')
    .describe('largest message a client may send'),
  maxEventBytes: bytes({ min: 128 })
    .prefault('256KiB')
    .describe('largest event taken from the broker; larger ones are counted and skipped'),
  maxBufferedBytes: bytes({ min: 16_384 })
    .prefault('128KiB')
    .describe('bytes that may wait for one slow client; beyond, it is served from the history'),
  flushIntervalMs: duration()
    .prefault('50ms')
    .describe('longest time an event waits for others to share a write; idle servers never wait')
    .meta({ env: 'WS_FLUSH_INTERVAL' }),
  historyMs: duration().prefault('30s').describe('how long events stay in the history'),
  historyBytes: bytes({ min: 65_536 }).prefault('64MiB').describe('bytes the history may hold'),
  heartbeatMs: duration({ min: 100 })
    .prefault('25s')
    .describe('ping period; a client silent for two periods is dropped'),
  summaryMs: duration({ min: 100 })
    .prefault('15s')
    .describe('period of the summary line in the log')
    .meta({ env: 'METRICS_INTERVAL' }),
  adminToken: text()
    .optional()
    .describe('bearer token for publishing and administration from other machines')
    .meta({ env: 'ADMIN_TOKEN', secret: true }),
});

const kafka = z.strictObject({
  groupId: text()
    .prefault('odin')
    .describe('consumer groups are named <group>-<node id>; every node reads everything')
    .meta({ env: 'KAFKA_GROUP_ID' }),
  topics: list()
    .prefault(topics.join(','))
    .describe('topics to read')
    .meta({ env: 'KAFKA_TOPICS' }),
  compression: z
    .enum(['none', 'gzip'], { error: 'expected none or gzip' })
    .prefault('gzip')
    .describe('compression of the batches odin publishes')
    .meta({ env: 'KAFKA_COMPRESSION' }),
  tls: toggle().prefault(false).describe('connect with TLS').meta({ env: 'KAFKA_TLS' }),
  tlsCaFile: text()
    .optional()
    .describe('PEM file with the certificate authority of the brokers')
    .meta({ env: 'KAFKA_TLS_CA_FILE' }),
  saslMechanism: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'], {
      error: 'expected plain, scram-sha-256 or scram-sha-512',
    })
    .optional()
    .describe('how to log in')
    .meta({ env: 'KAFKA_SASL_MECHANISM' }),
  saslUsername: text()
    .optional()
    .describe('user to log in as')
    .meta({ env: 'KAFKA_SASL_USERNAME' }),
  saslPassword: text()
    .optional()
    .describe('password of that user')
    .meta({ env: 'KAFKA_SASL_PASSWORD', secret: true }),
  connectTimeoutMs: duration({ min: 100 })
    .prefault('5s')
    .describe('how long to wait for a broker to answer')
    .meta({ env: 'KAFKA_CONNECT_TIMEOUT' }),
});

const embedded = z.strictObject({
  maxBytes: bytes({ min: 65_536 }).prefault('128MiB').describe('bytes its log may hold'),
  retentionMs: duration().prefault('5m').describe('how long it keeps records'),
});

const broker = z.strictObject({
  url: z
    .string()
    .regex(/^(embedded|kafka:\/\/[^\s,/]+:\d+(,[^\s,/]+:\d+)*)$/, {
      error: 'expected embedded or kafka://host:port[,host:port…]',
    })
    .prefault('embedded')
    .describe('where events come from: embedded, or kafka://host:port[,host:port…]')
    .meta({ env: 'ODIN_BROKER', flag: 'broker' }),
  embedded: embedded.prefault({}),
  kafka: kafka.prefault({}),
});

const tokens = list()
  .refine((symbols) => symbols.length > 0 && symbols.every(isSymbol), {
    error: 'expected token symbols such as BTC,ETH (letters, digits, _ and -)',
  })
  .prefault(
    'BTC,ETH,SOL,DOGE,ODIN,AVAX,MATIC,LINK,UNI,AAVE,SUSHI,COMP,MKR,SNX,YFI,CRV,BAL,RUNE,LUNA,ATOM',
  );

const topicSettings = z.strictObject({
  replicationFactor: count({ min: 1, max: 32 })
    .prefault(1)
    .describe('copies of each partition; 3 on a cluster that must survive a broker'),
});

const publish = z.strictObject({
  rate: amount({ min: 0.1, max: 50_000 }).prefault(100).describe('events per second'),
  tokens: tokens.describe('symbols to invent events for'),
  seed: count().optional().describe('same seed, same events; default: another each run'),
  target: z
    .url({ protocol: /^https?$/, error: 'expected http://host:port of an odin server' })
    .optional()
    .describe('publish to a server with the embedded broker instead of a broker'),
  file: text().optional().describe('publish the events of an NDJSON file, - for standard input'),
  speed: amount({ min: 0.001 })
    .prefault(1)
    .describe('with a file: how many times faster than recorded'),
  durationMs: duration({ bareSeconds: true }).optional().describe('stop after this time'),
  count: count({ min: 1 }).optional().describe('stop after this many events'),
  idle: toggle().prefault(false).describe('wait for POST /start before publishing'),
  apiHost: text().prefault('127.0.0.1').describe('address of the control API'),
  apiPort: count({ max: 65_535 })
    .prefault(3003)
    .describe('port of the control API; 0 takes a free one')
    .meta({ env: 'API_PORT' }),
});

const loadtest = z.strictObject({
  url: z
    .url({ protocol: /^ws$/, error: 'expected ws://host:port/ws' })
    .prefault('ws://127.0.0.1:3004/ws')
    .describe('server to test')
    .meta({ env: 'WS_URL' }),
  connections: count({ min: 1 })
    .prefault(1_000)
    .describe('clients to open')
    .meta({ env: 'TARGET_CONNECTIONS' }),
  rampRate: amount({ min: 0.1 })
    .prefault(500)
    .describe('clients to open per second')
    .meta({ env: 'RAMP_RATE' }),
  durationMs: duration({ bareSeconds: true, min: 100 })
    .prefault('30s')
    .describe('how long to hold all clients once they are open')
    .meta({ env: 'DURATION' }),
  channels: list()
    .refine(
      (names) => names.length > 0 && names.every((name) => normaliseChannel(name) !== undefined),
      {
        error: 'expected channels such as BTC.trade,ETH.* or *.trade',
      },
    )
    .prefault('BTC.trade,ETH.trade,SOL.trade,ODIN.trade,DOGE.trade')
    .describe('channels to subscribe to')
    .meta({ env: 'CHANNELS' }),
  subscriptionMode: z
    .enum(['all', 'single', 'random'], { error: 'expected all, single or random' })
    .prefault('all')
    .describe('each client takes all channels, one in turn, or some at random')
    .meta({ env: 'SUBSCRIPTION_MODE' }),
  channelsPerClient: count({ min: 1 })
    .prefault(3)
    .describe('channels of each client in random mode')
    .meta({ env: 'CHANNELS_PER_CLIENT' }),
  protocol: z
    .enum(['v1', 'v2'], { error: 'expected v1 or v2' })
    .prefault('v2')
    .describe('wire protocol of the clients'),
  workers: count({ max: 64 })
    .prefault(0)
    .describe('worker processes; 0 chooses by cores and clients'),
  reconnectAttempts: count()
    .prefault(5)
    .describe('how often a client that lost its connection tries again; 0 never'),
  connectTimeoutMs: duration({ min: 10 })
    .prefault('10s')
    .describe('how long one client may take to connect'),
  reportIntervalMs: duration({ min: 100 }).prefault('1s').describe('period of the progress line'),
  seed: count().prefault(1).describe('seed of the random subscriptions'),
});

const demo = z.strictObject({
  connections: count({ min: 1, max: 5_000 }).prefault(200).describe('clients to open'),
  rate: amount({ min: 0.1, max: 50_000 }).prefault(50).describe('events per second'),
  durationMs: duration({ bareSeconds: true, min: 1_000 })
    .prefault('15s')
    .describe('how long to run'),
  port: count({ max: 65_535 }).prefault(0).describe('port to listen on; 0 takes a free one'),
  keep: toggle().prefault(false).describe('leave everything running until Ctrl-C'),
});

const log = z.strictObject({
  level: z
    .enum(['error', 'warn', 'info', 'debug', 'trace'], {
      error: 'expected error, warn, info, debug or trace',
    })
    .prefault('info')
    .describe('how much to log')
    .meta({ env: 'LOG_LEVEL', flag: 'log-level' }),
  format: z
    .enum(['auto', 'json', 'pretty'], { error: 'expected auto, json or pretty' })
    .prefault('auto')
    .describe('auto is pretty on a terminal, JSON elsewhere')
    .meta({ env: 'LOG_FORMAT', flag: 'log-format' }),
});

/** Everything that can be set, by section. */
export const configSchema = z.strictObject({
  server: server.prefault({}).describe('the fan-out server'),
  broker: broker.prefault({}).describe('where events come from and go to'),
  topics: topicSettings.prefault({}).describe('topics that odin creates'),
  publish: publish.prefault({}).describe('the publisher'),
  loadtest: loadtest.prefault({}).describe('the load tester'),
  demo: demo.prefault({}).describe('server, publisher and clients in one go'),
  log: log.prefault({}).describe('the log on standard error'),
});

/** The resolved configuration: complete, typed, read-only. */
export type Config = z.output<typeof configSchema>;

/** A section of it. */
export type Section = keyof Config;

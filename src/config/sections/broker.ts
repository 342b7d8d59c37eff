/** Settings of the broker: which one, and how to reach it. */
import * as z from 'zod';
import { topics } from '../../events/categories.ts';
import { bytes, count, duration, file, list, text, toggle } from '../fields.ts';

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
  tlsCaFile: file()
    .optional()
    .describe('PEM file with the certificate authority of the brokers; turns TLS on')
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

const nats = z.strictObject({
  stream: text()
    .regex(/^[\w-]+$/, { error: 'expected letters, digits, _ and -' })
    .prefault('ODIN_TOKENS')
    .describe('stream that holds the events')
    .meta({ env: 'JS_STREAM_NAME' }),
  subjectPrefix: text()
    .regex(/^[\w-]+(\.[\w-]+)*$/, { error: 'expected letters, digits, _, - and dots' })
    .prefault('odin')
    .describe('subjects are <prefix>.token.<SYMBOL>.<category> and <prefix>.global.<name>')
    .meta({ env: 'NATS_SUBJECT_PREFIX' }),
  consumerName: text()
    .prefault('odin')
    .describe('consumers are named <name>-<node id>-<random>; every node reads everything')
    .meta({ env: 'JS_CONSUMER_NAME' }),
  streamMaxAgeMs: duration({ bareSeconds: true, max: Number.MAX_SAFE_INTEGER })
    .prefault('30s')
    .describe('how long a stream that odin creates keeps events; 0s is for ever')
    .meta({ env: 'JS_STREAM_MAX_AGE' }),
  streamMaxMessages: count()
    .prefault(100_000)
    .describe('events that it keeps at most; 0 is unlimited')
    .meta({ env: 'JS_STREAM_MAX_MSGS' }),
  streamMaxBytes: bytes()
    .prefault('50MiB')
    .describe('bytes that it keeps at most; 0 is unlimited')
    .meta({ env: 'JS_STREAM_MAX_BYTES' }),
  streamReplicas: count({ min: 1, max: 5 })
    .optional()
    .describe('copies of it in a cluster; topics.replicationFactor unless set')
    .meta({ env: 'JS_STREAM_REPLICAS' }),
  storage: z
    .enum(['file', 'memory'], { error: 'expected file or memory' })
    .prefault('file')
    .describe('where it is kept; positions in memory do not outlive the server')
    .meta({ env: 'JS_STREAM_STORAGE' }),
  credsFile: file()
    .optional()
    .describe('file with the JWT and seed to log in with, as Synadia Cloud gives out')
    .meta({ env: 'NATS_CREDS_FILE' }),
  nkeyFile: file()
    .optional()
    .describe('file with the NKey seed to log in with')
    .meta({ env: 'NATS_NKEY_FILE' }),
  user: text().optional().describe('user to log in as').meta({ env: 'NATS_USER' }),
  password: text()
    .optional()
    .describe('password of that user')
    .meta({ env: 'NATS_PASSWORD', secret: true }),
  token: text()
    .optional()
    .describe('token to log in with')
    .meta({ env: 'NATS_TOKEN', secret: true }),
  tlsCaFile: file()
    .optional()
    .describe('PEM file with the certificate authority of the servers')
    .meta({ env: 'NATS_TLS_CA_FILE' }),
  tlsCertFile: file()
    .optional()
    .describe('PEM file with our certificate, where servers ask for one')
    .meta({ env: 'NATS_TLS_CERT_FILE' }),
  tlsKeyFile: file()
    .optional()
    .describe('PEM file with the key of that certificate')
    .meta({ env: 'NATS_TLS_KEY_FILE' }),
  connectTimeoutMs: duration({ min: 100 })
    .prefault('5s')
    .describe('how long to wait for a server to answer')
    .meta({ env: 'NATS_CONNECT_TIMEOUT' }),
});

const kafkaUrl = String.raw`kafka://[^\s,/@]+:\d+(,[^\s,/@]+:\d+)*`;
/** The port is 4222 unless it is given. */
const natsServer = String.raw`[^\s,/@:]+(:\d+)?`;
const natsUrl = `(nats|tls)://${natsServer}(,((nats|tls)://)?${natsServer})*`;

/** Whatever is written as the port of a server is one. */
function hasPorts(url: string): boolean {
  return Array.from(url.matchAll(/:(\d+)(?=,|$)/g)).every(
    ([, port]) => Number(port) >= 1 && Number(port) <= 65_535,
  );
}

const brokerExpected = 'expected embedded, kafka://host:port[,host:port…] or nats://host:port[,…]';
const loginMisplaced =
  'expected no login in it: NATS_USER and NATS_PASSWORD, or KAFKA_SASL_USERNAME and …_PASSWORD, take it';

const embedded = z.strictObject({
  maxBytes: bytes({ min: 65_536 }).prefault('128MiB').describe('bytes its log may hold'),
  retentionMs: duration({ max: Number.MAX_SAFE_INTEGER })
    .prefault('5m')
    .describe('how long it keeps records'),
});

/** Section `broker`. */
export const broker = z.strictObject({
  url: z
    .string({ error: brokerExpected })
    .regex(new RegExp(`^(embedded|${kafkaUrl}|${natsUrl})$`), {
      error: ({ input }) => (String(input).includes('@') ? loginMisplaced : brokerExpected),
      abort: true,
    })
    .refine(hasPorts, { error: 'expected ports from 1 to 65535' })
    .prefault('embedded')
    .describe('where events come from: embedded, kafka://host:port[,…] or nats://host:port[,…]')
    .meta({ env: 'ODIN_BROKER', flag: 'broker', value: '<broker>' }),
  embedded: embedded.prefault({}).meta({ title: 'Embedded broker' }),
  kafka: kafka.prefault({}).meta({ title: 'Kafka' }),
  nats: nats.prefault({}).meta({ title: 'NATS' }),
});

/** Section `topics`. */
export const topicSettings = z.strictObject({
  replicationFactor: count({ min: 1, max: 32 })
    .prefault(1)
    .describe('copies of each partition; 3 on a cluster that must survive a broker'),
});

/** Whether a text names a broker as `broker.url` takes it. */
export function isBrokerUrl(text: string): boolean {
  return broker.shape.url.safeParse(text).success;
}

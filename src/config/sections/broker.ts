/** Settings of the broker: which one, and how to reach it. */
import * as z from 'zod';
import { topics } from '../../events/categories.ts';
import { bytes, count, duration, list, text, toggle } from '../fields.ts';

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

/** Section `broker`. */
export const broker = z.strictObject({
  url: z
    .string()
    .regex(/^(embedded|kafka:\/\/[^\s,/@]+:\d+(,[^\s,/@]+:\d+)*)$/, {
      error: 'expected embedded or kafka://host:port[,host:port…]',
    })
    .prefault('embedded')
    .describe('where events come from: embedded, or kafka://host:port[,host:port…]')
    .meta({ env: 'ODIN_BROKER', flag: 'broker' }),
  embedded: embedded.prefault({}),
  kafka: kafka.prefault({}),
});

/** Section `topics`. */
export const topicSettings = z.strictObject({
  replicationFactor: count({ min: 1, max: 32 })
    .prefault(1)
    .describe('copies of each partition; 3 on a cluster that must survive a broker'),
});

/** Settings of the fan-out server. */
import * as z from 'zod';
import { bytes, count, duration, text } from '../fields.ts';
import { compression, drain, guard, recovery, shards, throttle } from './server-load.ts';
import { auth, limits, tls } from './server-security.ts';

/** Section `server`. */
export const server = z.strictObject({
  mode: z
    .enum(['single', 'multi'], { error: 'expected single or multi' })
    .prefault('single')
    .describe('single: one process does all; multi: a primary process and its shards')
    .meta({ env: 'WS_MODE' }),
  shards: shards.prefault({}).meta({ title: 'Mode multi' }),
  host: text().prefault('0.0.0.0').describe('address to listen on').meta({ value: '<address>' }),
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
    .meta({ env: 'WS_MAX_CONNECTIONS', reloadable: true }),
  maxSubscriptions: count({ min: 1 })
    .prefault(200)
    .describe('subscriptions one client may hold')
    .meta({ reloadable: true }),
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
  pages: z
    .enum(['on', 'off'], { error: 'expected on or off' })
    .prefault('on')
    .describe('whether / shows a board of tokens, and /ops the charts of the operator'),
  tls: tls.prefault({}).meta({ title: 'TLS' }),
  auth: auth.prefault({}).meta({ title: 'Who may connect' }),
  limits: limits.prefault({}).meta({ title: 'How often' }),
  recovery: recovery.prefault({}).meta({ title: 'Clients that come back' }),
  throttle: throttle.prefault({}).meta({ title: 'Slow clients' }),
  compression: compression.prefault({}).meta({ title: 'Compression' }),
  guard: guard.prefault({}).meta({ title: 'Overload' }),
  drain: drain.prefault({}).meta({ title: 'Letting clients go' }),
});

/** Settings of what the server does under load: shards, recovery, slow clients, guard, drain. */
import * as z from 'zod';
import { amount, bytes, count, duration, toggle } from '../fields.ts';

/** The processes that serve clients in mode multi. */
export const shards = z.strictObject({
  count: count({ min: 1, max: 64 })
    .prefault(3)
    .describe('processes that serve clients in mode multi; each takes its share of maxConnections')
    .meta({ env: 'NUM_SHARDS', flag: 'shards' }),
  basePort: count({ max: 65_535 })
    .prefault(0)
    .describe('also opens a port for each shard on the loopback, from this one up; 0 opens none')
    .meta({ env: 'ODIN_SHARD_BASE_PORT', flag: 'shard-base-port' }),
  silenceMs: duration({ min: 1_000 })
    .prefault('5s')
    .describe('a shard that says nothing for so long is ended and replaced')
    .meta({ env: 'ODIN_SHARD_SILENCE', flag: 'shard-silence' }),
});

/** How far back a returning client is served. */
export const recovery = z.strictObject({
  maxMessages: count()
    .prefault(10_000)
    .describe('missed events that one returning client gets at most'),
  maxBytes: bytes().prefault('8MiB').describe('bytes of missed events for one client at most'),
  maxMs: duration({ min: 100 })
    .prefault('5s')
    .describe('time to read what the history no longer holds from the broker'),
});

/** What a client that lags is spared. */
export const throttle = z.strictObject({
  strategy: z
    .enum(['conflate', 'priority', 'percentage', 'none'], {
      error: 'expected conflate, priority, percentage or none',
    })
    .prefault('conflate')
    .describe(
      'what a lagging client is spared: superseded events, low priorities, a share of all, nothing',
    )
    .meta({ env: 'WS_THROTTLE_STRATEGY' }),
  lightPercent: count({ max: 100 })
    .prefault(75)
    .describe('share of events at level 1, with strategy percentage, in percent')
    .meta({ env: 'WS_THROTTLE_LIGHT_PERCENT' }),
  mediumPercent: count({ max: 100 })
    .prefault(50)
    .describe('share of events at level 2, in percent')
    .meta({ env: 'WS_THROTTLE_MEDIUM_PERCENT' }),
  heavyPercent: count({ max: 100 })
    .prefault(25)
    .describe('share of events at level 3, in percent')
    .meta({ env: 'WS_THROTTLE_HEAVY_PERCENT' }),
  maxLevel: count({ min: 1, max: 3 })
    .prefault(3)
    .describe('level above which a client is closed, to come back and resume')
    .meta({ env: 'WS_THROTTLE_MAX_LEVEL' }),
  saturationMs: duration()
    .prefault('1s')
    .describe('a full socket counts at most once in this time; three counts raise the level'),
  recoveryMs: duration({ bareSeconds: true })
    .prefault('30s')
    .describe('time without a full socket after which the level goes down by one')
    .meta({ env: 'WS_THROTTLE_RECOVERY_SECONDS' }),
});

/** permessage-deflate, once per flush and cohort. */
export const compression = z.strictObject({
  enabled: toggle()
    .prefault(false)
    .describe('compress events for v2 clients that offer permessage-deflate')
    .meta({ env: 'WS_COMPRESSION', flag: 'compression' }),
  minBytes: bytes()
    .prefault('512B')
    .describe('flushes smaller than this are compressed only where 16 clients or more share them'),
});

/**
 * When the server protects itself: flushes further apart, then no new clients, then a pause of the
 * broker, then the slowest clients are closed. 0 switches a threshold off.
 */
export const guard = z.strictObject({
  cpuRejectPercent: amount({ max: 100 })
    .prefault(75)
    .describe('CPU above which new clients are refused with 503; 0 never')
    .meta({ env: 'WS_CPU_REJECT_THRESHOLD', reloadable: true }),
  cpuPausePercent: amount({ max: 100 })
    .prefault(80)
    .describe('CPU above which the broker is paused, at most 10 s at a time; 0 never')
    .meta({ env: 'WS_CPU_PAUSE_THRESHOLD', reloadable: true }),
  cpuCores: amount()
    .prefault(0)
    .describe(
      'cores that are 100 %; 0 takes what the cgroup or the host gives, at most 1 per process',
    )
    .meta({ env: 'WS_CPU_LIMIT' }),
  memoryBytes: bytes()
    .prefault(0)
    .describe('memory that is 100 %; 0 takes the limit of the cgroup or the host')
    .meta({ env: 'WS_MEMORY_LIMIT' }),
  memoryRejectPercent: amount({ max: 100 })
    .prefault(85)
    .describe(
      'memory above which new clients are refused; halfway from there to 100, slow ones are closed; 0 never',
    )
    .meta({ reloadable: true }),
  maxBrokerRate: amount()
    .prefault(0)
    .describe('events per second taken from the broker, in batches; the rest waits; 0 is unlimited')
    .meta({ env: 'WS_MAX_KAFKA_RATE', reloadable: true }),
  maxBroadcastRate: amount()
    .prefault(0)
    .describe('deliveries (event × client) per second; the broker waits; 0 is unlimited')
    .meta({ env: 'WS_MAX_BROADCAST_RATE', reloadable: true }),
});

/** How clients are let go. */
export const drain = z.strictObject({
  budgetMs: duration()
    .prefault('25s')
    .describe(
      'most time to let all clients go, on SIGTERM or POST /api/drain; few take less. Whatever stops the process must wait longer: Docker waits 10 s',
    ),
  maxLifetimeMs: duration()
    .prefault('0ms')
    .describe('connections are closed with 4002 after this time, give or take a fifth; 0 never')
    .meta({ env: 'ODIN_MAX_LIFETIME' }),
});

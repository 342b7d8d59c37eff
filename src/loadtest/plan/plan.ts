/** Who does what in a load test: how many workers, which clients, which channels. Pure. */

import { createRandom, type Random, randomIndex } from '../../base/random.ts';
import { maxTimerMs } from '../../base/units.ts';
import { type LoadProfile, profileChannels } from '../../config/load-profiles.ts';
import type { Config } from '../../config/schema.ts';
import { normaliseChannel } from '../../events/channel.ts';

/** The settings of a load test. */
export type LoadTestConfig = Config['loadtest'];

const connectionsPerWorker = 2_500;

/** Worker processes for at most `clients` at a time: as configured, or one per 2 500 up to one per core. */
export function workerCount(
  { workers }: Pick<LoadTestConfig, 'workers'>,
  clients: number,
  cores: number,
): number {
  const wanted = workers || Math.min(cores, Math.ceil(clients / connectionsPerWorker));
  return Math.max(1, Math.min(wanted, clients));
}

/** Events may take this long to arrive: of what is younger, nobody can say that it is lost. */
export const arrivalMs = 2_000;
/** The longest wait that a refusal may ask for, in milliseconds. */
export const maxRetryAfterMs = 30_000;
/** What all attempts may take besides waiting: back-off, and the way through the processes. */
const rampSlackMs = 10_000;

/** By when it is known of every client whether it could connect, unless a worker is stuck. */
export function longestRampMs(rampMs: number, config: LoadTestConfig): number {
  const { connectAttempts, connectTimeoutMs, backoffMaxMs } = config;
  const attemptMs = connectTimeoutMs + maxRetryAfterMs + backoffMaxMs;
  return Math.min(maxTimerMs, rampMs + connectAttempts * attemptMs + rampSlackMs);
}

/** Canonical channels of one client, of its profile if it has one; the same for the same seed. */
export function channelsOf(
  client: number,
  config: LoadTestConfig,
  profile?: LoadProfile,
): string[] {
  const random = createRandom(config.seed ^ Math.imul(client + 1, 0x9e3779b1));
  if (profile !== undefined) {
    const tokens = [...new Set(config.tokens)];
    const wanted = profile.tokensPerClient ?? tokens.length;
    return profileChannels(profile, someOf(tokens, wanted, random));
  }
  const isRaw = config.protocol === 'raw';
  const names = config.channels.map((name) => (isRaw ? name : (normaliseChannel(name) ?? name)));
  const channels = [...new Set(names)];
  if (config.subscriptionMode === 'all') return channels;
  if (config.subscriptionMode === 'single') return [channels[client % channels.length] as string];
  return someOf(channels, config.channelsPerClient, random);
}

function someOf(names: string[], count: number, random: Random): string[] {
  const wanted = Math.min(count, names.length);
  for (let i = 0; i < wanted; i++) {
    const other = i + randomIndex(random, names.length - i);
    [names[i], names[other]] = [names[other] as string, names[i] as string];
  }
  return names.slice(0, wanted).sort();
}

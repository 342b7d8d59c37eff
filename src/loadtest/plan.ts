/** Who does what in a load test: how many workers, which clients, which channels. Pure. */
import { createRandom, randomIndex } from '../base/random.ts';
import type { Config } from '../config/schema.ts';
import { normaliseChannel } from '../events/channel.ts';

/** The settings of a load test. */
export type LoadTestConfig = Config['loadtest'];

const connectionsPerWorker = 2_500;

/** Worker processes: as configured, or one per 2 500 clients up to one per core. */
export function workerCount(config: LoadTestConfig, cores: number): number {
  const wanted =
    config.workers || Math.min(cores, Math.ceil(config.connections / connectionsPerWorker));
  return Math.max(1, Math.min(wanted, config.connections));
}

/** Numbers of the clients of one worker: every `workers`-th, so all ramp up side by side. */
export function clientsOf(worker: number, workers: number, connections: number): number[] {
  const clients: number[] = [];
  for (let client = worker; client < connections; client += workers) clients.push(client);
  return clients;
}

/** When client `client` is due, in milliseconds after the start. */
export function plannedOffsetMs(client: number, rampRate: number): number {
  return (client * 1_000) / rampRate;
}

/** The longest wait that a refusal may ask for, in milliseconds. */
export const maxRetryAfterMs = 30_000;
/** What all attempts may take besides waiting: back-off, and the way through the processes. */
const rampSlackMs = 10_000;

/** By when it is known of every client whether it could connect, unless a worker is stuck. */
export function longestRampMs(config: LoadTestConfig): number {
  const { connections, rampRate, connectAttempts, connectTimeoutMs } = config;
  const attemptMs = connectTimeoutMs + maxRetryAfterMs;
  return plannedOffsetMs(connections, rampRate) + connectAttempts * attemptMs + rampSlackMs;
}

/** Canonical channels of one client; the same for the same seed. */
export function channelsOf(client: number, config: LoadTestConfig): string[] {
  const names = config.channels.map((name) => normaliseChannel(name) ?? name);
  const channels = [...new Set(names)];
  if (config.subscriptionMode === 'all') return channels;
  if (config.subscriptionMode === 'single') return [channels[client % channels.length] as string];
  const random = createRandom(config.seed ^ Math.imul(client + 1, 0x9e3779b1));
  const wanted = Math.min(config.channelsPerClient, channels.length);
  for (let i = 0; i < wanted; i++) {
    const other = i + randomIndex(random, channels.length - i);
    [channels[i], channels[other]] = [channels[other] as string, channels[i] as string];
  }
  return channels.slice(0, wanted).sort();
}

/** Starts a publisher: events from a market or a file, at their pace, into a broker. */
import { randomInt } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Producer } from '../broker/broker.ts';
import type { Config } from '../config/schema.ts';
import type { Log } from '../host/log.ts';
import { type Clock, steadyClock } from './clock.ts';
import { startControlApi } from './control-api.ts';
import { Flow } from './flow.ts';
import { MarketSource } from './market-source.ts';
import { Publisher } from './publisher.ts';
import { createPublisherMetrics } from './publisher-metrics.ts';
import type { PublisherStatus, PublisherTotals } from './publisher-status.ts';
import { RecordedSource } from './recorded-source.ts';
import type { Source } from './source.ts';

/** What a publisher needs from outside. The producer stays the caller's to dispose. */
export interface PublisherDeps {
  readonly producer: Producer;
  readonly log: Log;
  /** Opens a file; `-` is standard input. */
  readonly readInput: (path: string) => Readable;
}

/** A publisher at work, with its control API. Disposing it stops both. */
export interface RunningPublisher extends AsyncDisposable {
  /** Where the control API listens, `http://127.0.0.1:3003`. */
  readonly apiUrl: string;
  /**
   * Resolves when the source is exhausted, the duration or count is reached, or `stop` is done;
   * rejects when the broker gave up or the recording could not be read on.
   */
  readonly finished: Promise<PublisherTotals>;
  status(): PublisherStatus;
  /**
   * Ends the run. The broker has 5 s to confirm what it holds, but no more than 1.5 s in which it
   * confirms nothing; the rest counts as failed.
   */
  stop(): Promise<PublisherTotals>;
}

/**
 * Starts publishing (with `idle`, only the control API). Rejects with a UsageError when the file
 * cannot be opened, and with a RemoteError when the API's port is taken.
 */
export async function startPublisher(
  config: Config['publish'],
  { producer, log, readInput }: PublisherDeps,
): Promise<RunningPublisher> {
  await using started = new AsyncDisposableStack();
  const clock = steadyClock();
  const source = started.use(await openSource(config, clock, log, readInput));
  const metrics = createPublisherMetrics(() => publisher.status());
  const flow = new Flow(source, config, { producer, clock, log, onSend: metrics.observeSend });
  const publisher = started.use(new Publisher(flow, log));
  const address = { host: config.apiHost, port: config.apiPort };
  const api = started.use(await startControlApi(address, publisher, metrics, log));
  const { targetRate, tokens, seed } = publisher.status();
  const { file } = config;
  log.info({ api: api.url, rate: targetRate, tokens, seed, file, idle: config.idle }, 'ready');
  if (!config.idle) flow.start();
  const owned = started.move();
  return {
    apiUrl: api.url,
    finished: publisher.finished,
    status: () => publisher.status(),
    stop: () => publisher.stop(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function openSource(
  config: Config['publish'],
  clock: Clock,
  log: Log,
  readInput: (path: string) => Readable,
): Promise<Source> {
  const { file, speed, seed = randomInt(2 ** 32) } = config;
  if (file === undefined) return new MarketSource(seed, config, clock);
  return RecordedSource.open({ path: file, input: readInput(file), speed }, clock, log);
}

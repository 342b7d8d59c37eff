/** One connection to a NATS server, for ever: it comes back by itself, and says when it is away. */
import {
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import {
  connect,
  type NatsConnection,
  type NodeConnectionOptions,
  type Status,
} from '@nats-io/transport-node';
import { type Backoff, backoffMs } from '../../base/backoff.ts';
import { messageOf, type RemoteError } from '../../base/errors.ts';
import { atMost, within } from '../../base/time-limit.ts';
import type { Config } from '../../config/schema.ts';
import type { Log } from '../../host/log.ts';
import { type ComplaintContext, complaint } from './complaint.ts';
import { readLogin, readTls } from './login.ts';

const reconnectBackoff: Backoff = { baseMs: 100, maxMs: 2_000 };
/** Two pings without an answer and the connection counts as broken. */
const pingMs = 3_000;
/** An answer of the JetStream API takes at most this long, in milliseconds. */
const requestTimeoutMs = 3_000;
const closeMs = 2_000;

const kindsOfTrouble = ['disconnect', 'lame_duck', 'slow_consumer', 'stale', 'error'] as const;

/** See {@link NatsLink.troubles}. */
type Trouble = (typeof kindsOfTrouble)[number];

/** Who wants to know when the connection breaks and when it is there again. */
export interface LinkWatcher {
  connected?(): void;
  disconnected?(): void;
}

/** Disposing it closes the connection. */
export class NatsLink implements AsyncDisposable {
  readonly url: string;
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  /** What the server or the library complained of; the log says it too. */
  readonly troubles = new Map<Trouble, number>(kindsOfTrouble.map((kind) => [kind, 0]));
  readonly #log: Log;
  readonly #context: ComplaintContext;
  readonly #watchers = new Set<LinkWatcher>();
  #isConnected = true;

  private constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    log: Log,
    context: ComplaintContext,
  ) {
    this.url = context.url;
    this.connection = connection;
    this.manager = manager;
    this.client = jetstream(connection, { timeout: requestTimeoutMs });
    this.#log = log;
    this.#context = context;
    void this.#watch();
  }

  /** Connects. Rejects with a RemoteError, or with a UsageError when the settings do not fit. */
  static async open({ url, nats }: Config['broker'], log: Log): Promise<NatsLink> {
    const { authenticator, settings } = await readLogin(nats);
    const tls = await readTls(url, nats);
    const context = { url, stream: nats.stream, loginSettings: settings };
    let attempt = 0;
    const options: NodeConnectionOptions = {
      servers: url.split(',').map((server) => server.replace(/^\w+:\/\//, '')),
      name: 'odin',
      timeout: nats.connectTimeoutMs,
      maxReconnectAttempts: -1,
      // Credentials may be mended on the server: giving up would need a restart here.
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => 50 + backoffMs(attempt++, reconnectBackoff),
      pingInterval: pingMs,
      noAsyncTraces: true,
      ...(authenticator === undefined ? {} : { authenticator }),
      ...(tls === undefined ? {} : { tls }),
    };
    const connecting = connect(options);
    try {
      const late = () => new Error(`no answer within ${nats.connectTimeoutMs}ms`);
      const connection = await within(nats.connectTimeoutMs, connecting, late);
      const timeout = requestTimeoutMs;
      const manager = await jetstreamManager(connection, { checkAPI: false, timeout });
      const link: NatsLink = new NatsLink(connection, manager, log, context);
      link.watch({
        connected: () => {
          attempt = 0;
        },
      });
      return link;
    } catch (error) {
      void connecting.then((late) => late.close()).catch(() => {});
      throw complaint(context, error);
    }
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.connection.isClosed();
  }

  /** Has `watcher` told until it is disposed of. */
  watch(watcher: LinkWatcher): Disposable {
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  /** Resolves when the connection is there, or when `signal` aborts. */
  async untilConnected(signal: AbortSignal): Promise<void> {
    if (this.isConnected || signal.aborted) return;
    const there = Promise.withResolvers<void>();
    using _ = this.watch({ connected: there.resolve });
    const onAbort = () => there.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    await there.promise;
    signal.removeEventListener('abort', onAbort);
  }

  /** What went wrong at this server, in words for a person. */
  complaint(error: unknown, doing?: string): RemoteError {
    return complaint(this.#context, error, doing);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await atMost(closeMs, this.connection.close());
    this.#isConnected = false;
    for (const watcher of this.#watchers) watcher.disconnected?.();
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) this.#take(status);
  }

  #take(status: Status): void {
    switch (status.type) {
      case 'disconnect':
        // A try to connect that fails says so too.
        if (!this.#isConnected) return;
        this.#isConnected = false;
        this.#count('disconnect');
        this.#log.warn({ server: status.server }, 'connection to NATS lost');
        for (const watcher of this.#watchers) watcher.disconnected?.();
        return;
      case 'reconnect':
        this.#isConnected = true;
        this.#log.info({ server: status.server }, 'connected to NATS again');
        for (const watcher of this.#watchers) watcher.connected?.();
        return;
      case 'ldm':
        this.#count('lame_duck');
        this.#log.warn(
          { server: status.server },
          'NATS server shuts down, clients are to leave it',
        );
        return;
      case 'staleConnection':
        this.#count('stale');
        this.#log.warn('NATS server answers no pings');
        return;
      case 'error':
        this.#say(status.error);
        return;
      default:
        this.#log.debug({ status: status.type }, 'NATS says');
    }
  }

  #count(kind: Trouble): number {
    const count = (this.troubles.get(kind) ?? 0) + 1;
    this.troubles.set(kind, count);
    return count;
  }

  /** Permission errors come with each request that is refused, and the request says them too. */
  #say(error: Error): void {
    // Of the server, which closes the connection: we did not read what it sent in time.
    if (/slow consumer/i.test(error.message)) {
      this.#count('slow_consumer');
      this.#log.warn('NATS server closes the connection: it was not read fast enough');
      return;
    }
    const count = this.#count('error');
    const level = count <= 10 || count % 1_000 === 0 ? 'warn' : 'debug';
    this.#log[level]({ error: messageOf(error), count }, 'NATS server complains');
  }
}

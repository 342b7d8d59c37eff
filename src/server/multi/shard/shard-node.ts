/** ShardNode: the serving half of the server in a process of its own, fed and steered by the primary. */
import type { Server, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type Duplex, Writable } from 'node:stream';
import { messageOf, OdinError, RemoteError } from '../../../base/errors.ts';
import { createLog, type Log } from '../../../host/log.ts';
import { createResourceMeter, processUsage } from '../../../host/usage.ts';
import { Drain } from '../../clients/drain.ts';
import { Channels } from '../../delivery/channels.ts';
import { History } from '../../delivery/history.ts';
import { type ClientSource, lookAtClients } from '../../details/client-look.ts';
import { closeSlowest } from '../../guard/slowest.ts';
import { createHttpHandler } from '../../http/http.ts';
import { listen } from '../../http/listen.ts';
import { createPort, type Port } from '../../http/port.ts';
import { maxChannels } from '../../ingest/reading.ts';
import { Limits } from '../../limits.ts';
import { Pages } from '../../pages/pages.ts';
import { Audit } from '../../reporting/audit.ts';
import { Counters } from '../../reporting/counters.ts';
import { Admission } from '../../security/admission.ts';
import { TlsFiles } from '../../security/tls-files.ts';
import { createDelivery, createServing, type Serving } from '../../serving.ts';
import { FeedIntake } from '../feed/feed-intake.ts';
import { RemoteOlderEvents } from '../feed/remote-older-events.ts';
import { Asking } from '../link/asking.ts';
import type { FromShard, ShardSetup, ToShard } from '../link/shard-messages.ts';
import { Arrivals } from './arrivals.ts';
import { RemoteGate } from './remote-gate.ts';
import { remoteNode } from './remote-node.ts';
import { takeReport } from './shard-report.ts';

/** How often the primary hears from a shard, in milliseconds: that it lives, and how it is. */
const reportMs = 1_000;

/** How often the primary hears of deliveries while they are limited, in milliseconds. */
const offeredMs = 20;

/** What a shard's process has. */
export interface ShardHost {
  readonly send: (message: FromShard) => void;
  /** The feed comes through it. */
  readonly pipe: Duplex;
}

/** What runs once the setup is there. */
interface Running {
  readonly history: History;
  readonly intake: FeedIntake;
  readonly serving: Serving;
  readonly port: Port;
  readonly admission: Admission;
  readonly limits: Limits;
  readonly drain: Drain;
  readonly audit: Audit;
  readonly clients: ClientSource;
  readonly log: Log;
}

/** One per process; it ends with the process. */
export class ShardNode {
  readonly #host: ShardHost;
  readonly #counters = new Counters();
  readonly #meter = createResourceMeter();
  /** Of the last whole period: who asks often must not make each look a short one. */
  #loopDelayMs = 0;
  readonly #asking: Asking;
  readonly #arrivals: Arrivals;
  #running: Running | undefined;
  /** What the primary said last of what may change, also while everything is being built. */
  #wanted: { config: ShardSetup['config']; flushStretch: number } | undefined;
  /** What the primary was told of: history index, and deliveries. */
  #told = { next: 0, offered: 0 };
  /** Runs while deliveries are limited. */
  #offeredTimer: NodeJS.Timeout | undefined;

  constructor(host: ShardHost) {
    this.#host = host;
    this.#asking = new Asking(host.send);
    this.#arrivals = new Arrivals(({ taken, closed }) => {
      if (taken.length > 0) host.send({ kind: 'taken', ids: taken });
      if (closed.length > 0) host.send({ kind: 'closed', ids: closed });
    });
  }

  /** Takes a message of the primary; a socket comes with its own. */
  receive(message: ToShard, socket: Socket | undefined): void {
    switch (message.kind) {
      case 'start':
        void this.#start(message.setup);
        return;
      case 'open':
        void this.#open(message.index);
        return;
      case 'socket':
        return this.#take(message.id, socket);
      case 'answer':
        return this.#asking.answered(message);
      case 'report':
        return this.#report(message.round);
      case 'look':
        return void this.#look(message);
      case 'stretch':
        return this.#stretch(message.factor);
      case 'shed':
        return this.#shed();
      case 'reload':
        return this.#reload(message.config);
      case 'drain':
        void this.#drain(message);
        return;
      default:
        message satisfies never;
    }
  }

  async #start(setup: ShardSetup): Promise<void> {
    const { config, flushStretch } = setup;
    const wanted = { config, flushStretch };
    this.#wanted = wanted;
    try {
      this.#running = await this.#build(setup);
    } catch (error) {
      const hint = error instanceof OdinError ? error.hint : undefined;
      this.#host.send({ kind: 'failed', message: messageOf(error), hint });
      return;
    }
    setInterval(() => {
      this.#loopDelayMs = this.#meter.sample().loopDelayMs;
      this.#report();
    }, reportMs);
    this.#stretch(wanted.flushStretch);
    this.#reload(wanted.config);
  }

  async #build({
    config,
    identity,
    port: ownPort,
    shards,
    logLevel,
  }: ShardSetup): Promise<Running> {
    const log = this.#createLog(logLevel);
    const counters = this.#counters;
    const tls = await TlsFiles.open(config.tls);
    const limits = new Limits(config);
    const admission = await Admission.open(config, limits);
    const audit = new Audit(log, counters);
    const history = new History({ maxAgeMs: config.historyMs, maxBytes: config.historyBytes });
    const channels = new Channels(maxChannels);
    const parts = { identity, history, channels, counters, audit, admission, limits, log };
    const delivery = createDelivery(config, parts, shards);
    const onLevel = () => this.#host.send({ kind: 'level' });
    const intake = new FeedIntake({ history, channels, sink: delivery, counters, onLevel });
    const asking = this.#asking;
    const gate = new RemoteGate(asking, this.#arrivals);
    const older = new RemoteOlderEvents({ asking, intake, history, channels, counters });
    const serving = createServing(config, delivery, gate, older, parts);
    const port = createPort(config, tls, counters, log);
    const { http } = port;
    const { adminToken } = config;
    const [node, pages] = [remoteNode(asking), await Pages.open(config)];
    http.on('request', createHttpHandler({ node, pages, adminToken, log, counters }));
    http.on('request', ({ socket }) => this.#arrivals.gotPlainRequest(socket));
    http.on('upgrade', (request, stream, head) => serving.upgrade.handle(request, stream, head));
    http.on('connection', (socket: Socket) => this.#arrivals.arrivedDirectly(socket));
    if (ownPort > 0) await listenOwn(http, ownPort);
    // The primary says what becomes of the node's drain.
    const drain = new Drain(
      serving.connections,
      { note: () => undefined },
      config.drain.budgetMs,
      shards,
    );
    this.#host.pipe.on('data', (chunk: Buffer) => intake.take(chunk));
    const clients = { delivery, history, clientPrefix: identity.clientPrefix };
    return { history, intake, serving, port, admission, limits, drain, audit, clients, log };
  }

  /** Its lines become the primary's. */
  #createLog(level: string): Log {
    const output = new Writable({
      decodeStrings: false,
      write: (line: string | Buffer, _encoding, done) => {
        this.#host.send({ kind: 'log', line: String(line) });
        done();
      },
    });
    return createLog(output, level, 'json');
  }

  async #open(index: number): Promise<void> {
    if (this.#running === undefined) return;
    const { intake, serving } = this.#running;
    await intake.untilIndex(index);
    if (serving.upgrade.closedFor !== 'WARMING_UP') return;
    serving.delivery.startObserving();
    serving.upgrade.closedFor = undefined;
    this.#told = { next: this.#running.history.next, offered: this.#counters.deliveriesOffered };
    this.#host.send({ kind: 'serving' });
  }

  #take(id: number, socket: Socket | undefined): void {
    this.#arrivals.arrived(id, socket);
    if (socket !== undefined) this.#running?.port.receive(socket);
  }

  #shed(): void {
    if (this.#running === undefined) return;
    const { serving, audit } = this.#running;
    closeSlowest(serving.connections.open, audit);
  }

  async #drain({ reason }: Extract<ToShard, { kind: 'drain' }>): Promise<void> {
    // Nobody can have come before everything stands.
    if (this.#running === undefined) return this.#host.send({ kind: 'drained', cutOff: 0 });
    const { serving, admission, drain } = this.#running;
    serving.upgrade.closedFor = 'DRAINING';
    admission.abandon();
    await drain.start(reason);
    this.#host.send({ kind: 'drained', cutOff: drain.cutOff });
  }

  #stretch(factor: number): void {
    if (this.#wanted !== undefined) this.#wanted.flushStretch = factor;
    this.#running?.serving.delivery.stretchFlushes(factor);
  }

  #reload(config: ShardSetup['config']): void {
    if (this.#wanted !== undefined) this.#wanted.config = config;
    if (this.#running === undefined) return;
    const { limits, port } = this.#running;
    limits.take(config);
    port.limit(limits.maxConnections);
    this.#watchOffered(this.#running.limits);
  }

  /** A shard with nothing to tell is not to wake up for it. */
  #watchOffered({ guard }: Limits): void {
    const isLimited = guard.maxBroadcastRate > 0;
    if (isLimited === (this.#offeredTimer !== undefined)) return;
    clearInterval(this.#offeredTimer);
    this.#offeredTimer = isLimited ? setInterval(() => this.#tellOffered(), offeredMs) : undefined;
    const { next } = (this.#running as Running).history;
    this.#told = { next, offered: this.#counters.deliveriesOffered };
  }

  /** The primary holds the broker for a limited rate; it cannot wait for the next report. */
  #tellOffered(): void {
    if (this.#running === undefined) return;
    const { deliveriesOffered } = this.#counters;
    const { next } = this.#running.history;
    const [events, deliveries] = [next - this.#told.next, deliveriesOffered - this.#told.offered];
    this.#told = { next, offered: deliveriesOffered };
    if (events > 0) this.#host.send({ kind: 'offered', events, deliveries });
  }

  async #look({ id, question }: Extract<ToShard, { kind: 'look' }>): Promise<void> {
    if (this.#running === undefined) return;
    const { clients, log } = this.#running;
    try {
      const look = await lookAtClients(question, clients, performance.now());
      this.#host.send({ kind: 'looked', id, look });
    } catch (error) {
      // Whoever asked is told that this shard is silent; its clients are to lose nothing by that.
      log.error({ err: error }, 'cannot look at the clients');
    }
  }

  #report(round?: number): void {
    if (this.#running === undefined) return;
    const { serving, admission } = this.#running;
    const loopDelayMs = this.#loopDelayMs;
    const usage = processUsage();
    const { connections, delivery } = serving;
    const counters = this.#counters;
    const parts = { connections, delivery, admission, counters, usage, loopDelayMs };
    this.#host.send({ kind: 'report', report: takeReport(parts), round });
  }
}

async function listenOwn(server: Server, port: number): Promise<void> {
  try {
    await listen(server, { host: '127.0.0.1', port });
  } catch (cause) {
    const hint = 'choose another range with --shard-base-port (0 opens none)';
    throw new RemoteError(messageOf(cause), { hint, cause });
  }
}

/** Primary: reads the broker, takes connections off the port, and hands both to its shards. */
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { messageOf } from '../../../base/errors.ts';
import type { Config } from '../../../config/schema.ts';
import type { Log } from '../../../host/log.ts';
import type { RefusalCode } from '../../../protocol/refusals.ts';
import type { DrainReason } from '../../clients/drain.ts';
import { Channels } from '../../delivery/channels.ts';
import { History } from '../../delivery/history.ts';
import type { ClientLook, ClientQuestion } from '../../details/client-look.ts';
import { Guard, guardSenses } from '../../guard/guard.ts';
import { BrokerHold } from '../../ingest/broker-hold.ts';
import { BrokerPacing } from '../../ingest/broker-pacing.ts';
import { maxChannels, Reading } from '../../ingest/reading.ts';
import type { Limits } from '../../limits.ts';
import { type ReloadOutcome, reload } from '../../reload.ts';
import { Audit } from '../../reporting/audit.ts';
import type { Counters } from '../../reporting/counters.ts';
import type { NodeApi } from '../../reporting/node-api.ts';
import type { ServerDeps } from '../../running-server.ts';
import { ConnectionRates } from '../../security/connection-rates.ts';
import { Devices } from '../../security/devices.ts';
import { Feeds } from '../feed/feeds.ts';
import { newestRecords } from '../feed/newest-records.ts';
import type {
  Asked,
  FromShard,
  OlderAnswer,
  Questions,
  ShardSetup,
} from '../link/shard-messages.ts';
import { Acceptor } from './acceptor.ts';
import { DeliveryEstimate } from './delivery-estimate.ts';
import { relayLine } from './log-relay.ts';
import { NodeDrain } from './node-drain.ts';
import { NodeGate } from './node-gate.ts';
import { createNodeMeter } from './node-meter.ts';
import { NodeTotals } from './node-totals.ts';
import { Refresher } from './refresher.ts';
import { Slots } from './slots.ts';
import { Supervisor } from './supervisor.ts';
import { Survey } from './survey.ts';

/** What of a node only its wiring knows. */
export interface PrimaryParts {
  readonly counters: Counters;
  readonly limits: Limits;
  readonly deps: ServerDeps;
  /** Answers what comes on a socket that goes to no shard. */
  readonly answer: (socket: Socket) => void;
  /** Answers what shards are asked over HTTP. */
  readonly node: () => NodeApi;
  readonly onFailed: (error: Error) => void;
}

/** One per node of mode multi: its parts, wired up, and what happens between them. */
export class Primary implements AsyncDisposable {
  readonly history: History;
  readonly channels = new Channels(maxChannels);
  readonly feeds: Feeds;
  readonly reading: Reading;
  readonly totals: NodeTotals;
  readonly slots: Slots;
  readonly devices: Devices;
  readonly rates: ConnectionRates;
  readonly hold = new BrokerHold();
  readonly guard: Guard;
  readonly drain: NodeDrain;
  readonly supervisor: Supervisor;
  readonly acceptor: Acceptor;
  readonly audit: Audit;
  /** What shards see of their clients. */
  readonly clients: Survey<ClientQuestion, ClientLook>;
  isWarm = false;
  isDraining = false;
  readonly #parts: PrimaryParts;
  readonly #log: Log;
  readonly #gate: NodeGate;
  readonly #pacing: BrokerPacing;
  readonly #estimate: DeliveryEstimate;
  readonly #refresher: Refresher;
  #config: Config['server'];

  constructor(config: Config['server'], parts: PrimaryParts) {
    const { counters, limits, deps, answer, onFailed } = parts;
    const { log, broker } = deps;
    const { silenceMs, count: shards } = config.shards;
    this.#parts = parts;
    this.#log = log;
    this.#config = config;
    const history = new History({ maxAgeMs: config.historyMs, maxBytes: config.historyBytes });
    const { channels } = this;
    this.history = history;
    this.feeds = new Feeds(history, channels);
    this.reading = new Reading(config, { broker, history, channels, counters, log }, this.feeds);
    this.totals = new NodeTotals(counters);
    this.slots = new Slots(limits, shards);
    this.devices = new Devices(limits);
    this.rates = new ConnectionRates(limits.addressRate, limits.globalRate, counters);
    const { slots, rates, devices } = this;
    const refusedFor = () => this.refusedFor;
    this.#gate = new NodeGate({ slots, rates, devices, refusedFor });
    const audit = new Audit(log, counters);
    this.audit = audit;
    this.guard = this.#createGuard(config, audit);
    this.#pacing = new BrokerPacing(limits, this.hold);
    const setupOf = (shard: number) => this.#setupOf(shard);
    this.supervisor = new Supervisor(
      { shards, silenceMs, setupOf, feeds: this.feeds, log },
      {
        onMessage: (shard, message) => this.#receive(shard, message),
        onRoom: () => this.acceptor.retry(),
        onGone: (shard, stranded) => this.#gone(shard, stranded),
        onStarted: (shard) => slots.add(shard),
        onTick: () => void slots.expire(performance.now(), config.limits.handshakeMs),
        onFailed,
      },
    );
    const { supervisor } = this;
    this.drain = new NodeDrain({
      audit,
      budgetMs: config.drain.budgetMs,
      clients: () => slots.inUse - slots.pending,
      drainShards: (reason, budgetMs) => supervisor.drain(reason, budgetMs),
    });
    this.acceptor = new Acceptor({
      ...{ slots, answer, counters },
      isOpen: () => this.refusedFor === undefined,
      isServing: (shard) => supervisor.processOf(shard)?.state === 'serving',
      canTake: (shard) => supervisor.processOf(shard)?.canTake ?? false,
      handOver: (shard, id, socket) => supervisor.processOf(shard)?.handOver(id, socket),
    });
    this.#estimate = new DeliveryEstimate((shard) => slots.ofShard(shard).inUse);
    this.#refresher = new Refresher((round) => supervisor.ask({ kind: 'report', round }));
    this.clients = new Survey((id, question) => supervisor.ask({ kind: 'look', id, question }));
  }

  /** Why no client is taken now, whatever room there is. */
  get refusedFor(): RefusalCode | undefined {
    if (this.isDraining) return 'DRAINING';
    return this.isWarm && this.supervisor.isServing ? this.guard.refusal : 'WARMING_UP';
  }

  /** Brings what shards count up to date, but for those that did not answer, which it names. */
  async refresh(): Promise<readonly number[]> {
    const silent = await this.#refresher.refresh();
    this.totals.refresh();
    return silent;
  }

  /** Begins to read. The shards fill up meanwhile; {@link caughtUp} tells when the node is warm. */
  async start(): Promise<void> {
    const { limits } = this.#parts;
    this.supervisor.start();
    await this.reading.start(this.hold, (records) => {
      if (!this.isWarm) return;
      const isLimited = limits.guard.maxBroadcastRate > 0;
      const serving = isLimited ? this.supervisor.serving() : [];
      this.#pacing.took(records, this.#estimate.of(records, serving));
    });
  }

  /** Resolves when all that the broker held is in the history, and shards may serve. */
  async caughtUp(): Promise<void> {
    await this.reading.caughtUp;
    this.isWarm = true;
    this.supervisor.open(() => this.history.next);
  }

  /** Takes no more clients, and lets those go that are there. */
  async leave(reason: DrainReason): Promise<void> {
    this.isDraining = true;
    this.acceptor.retry();
    await this.drain.start(reason);
  }

  /** Takes on what of a new configuration a running node can; so do its shards. */
  reload(next: Config['server']): ReloadOutcome {
    const outcome = reload(this.#parts.limits, next);
    this.#config = this.#parts.limits.config;
    this.supervisor.send({ kind: 'reload', config: this.#config });
    this.acceptor.retry();
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.guard[Symbol.dispose]();
    this.#pacing[Symbol.dispose]();
    await this.supervisor[Symbol.asyncDispose]();
    this.feeds[Symbol.dispose]();
  }

  #createGuard({ guard, shards }: Config['server'], audit: Audit): Guard {
    const { limits, deps } = this.#parts;
    const meter = () => createNodeMeter(guard, shards.count, this.totals);
    const parts = {
      ...{ hold: this.hold, audit, limits },
      isWarm: () => this.isWarm,
      stretchFlushes: (factor: number) => this.supervisor.send({ kind: 'stretch', factor }),
      closeSlowest: () => this.supervisor.send({ kind: 'shed' }),
    };
    return new Guard(parts, deps.senses ?? guardSenses(meter()));
  }

  #setupOf(shard: number): ShardSetup {
    const { broker, nodeId, log } = this.#parts.deps;
    const { basePort, count } = this.#config.shards;
    return {
      config: this.#config,
      identity: { nodeId, clientPrefix: `${nodeId}-${shard}`, epoch: broker.epoch },
      port: basePort === 0 ? 0 : basePort + shard,
      shards: count,
      logLevel: log.level,
      flushStretch: this.guard.flushStretch,
    };
  }

  #receive(shard: number, message: FromShard): void {
    switch (message.kind) {
      case 'closed':
        this.#gate.closed(shard, message.ids);
        return this.acceptor.retry();
      case 'report':
        this.totals.take(shard, this.supervisor.processOf(shard)?.pid, message.report);
        return this.#refresher.heard(shard, message.round);
      case 'looked':
        return this.clients.heard(shard, message.id, message.look);
      case 'offered':
        return this.#pacing.took(
          0,
          this.#estimate.heard(shard, message.events, message.deliveries),
        );
      case 'drained':
        this.drain.cutOff += message.cutOff;
        return;
      case 'log':
        return relayLine(this.#log, shard, message.line);
      case 'ask':
        void this.#answer(shard, message);
        return;
      default:
    }
  }

  /** The process that asks may be gone by then; the one in its place must not get the answer. */
  async #answer(shard: number, { id, question, asks }: Asked): Promise<void> {
    const asker = this.supervisor.processOf(shard);
    try {
      const gets = await this.#answerTo(shard, question, asks);
      asker?.send({ kind: 'answer', id, gets });
    } catch (error) {
      asker?.send({ kind: 'answer', id, error: messageOf(error) });
    }
  }

  #answerTo(shard: number, question: keyof Questions, asks: unknown): unknown {
    switch (question) {
      case 'enter': {
        const { socket, address } = asks as Questions['enter']['asks'];
        return this.#gate.enter(shard, socket, address);
      }
      case 'enterAs': {
        const { socket, user } = asks as Questions['enterAs']['asks'];
        return this.#gate.enterAs(shard, socket, user);
      }
      case 'older':
        return this.#older(asks as Questions['older']['asks']);
      case 'node': {
        const { name, args } = asks as Questions['node']['asks'];
        const call = this.#parts.node()[name] as (...args: readonly unknown[]) => Promise<unknown>;
        return call(...args);
      }
      default:
        return question satisfies never;
    }
  }

  async #older({ channel, offset }: Questions['older']['asks']): Promise<OlderAnswer> {
    const found = await this.reading.older.read(channel, offset);
    const read = found && { ...found, result: newestRecords(found.result, this.#config.recovery) };
    const { partition = '', lastOffset } = this.channels.find(channel) ?? {};
    const known = lastOffset === undefined ? undefined : { partition, lastOffset };
    return { index: this.history.next, read, known };
  }

  #gone(shard: number, stranded: readonly Socket[]): void {
    this.totals.retire(shard);
    if (this.isDraining) this.drain.cutOff += this.slots.openIn(shard);
    this.#gate.gone(shard);
    this.#estimate.forget(shard);
    this.#refresher.gone(shard);
    this.clients.gone(shard);
    for (const socket of stranded) this.acceptor.accept(socket);
    this.acceptor.retry();
  }
}

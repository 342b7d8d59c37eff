/** The fan-out server: broker → ingest → history → cohorts → connections → sockets, wired up. */

import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { reachableHost } from '../base/address.ts';
import { RemoteError } from '../base/errors.ts';
import type { Broker, ConsumerState, Consumption, Producer } from '../broker/broker.ts';
import type { Config } from '../config/schema.ts';
import type { Log } from '../host/log.ts';
import { subprotocols } from '../protocol/versions.ts';
import { Audit } from './audit.ts';
import { Channels } from './channels.ts';
import { Connections } from './connections.ts';
import { Counters } from './counters.ts';
import { Delivery } from './delivery.ts';
import type { DrainReason } from './drain.ts';
import type { GuardSenses } from './guard/guard.ts';
import type { NodeState } from './health.ts';
import { History } from './history.ts';
import { createHttpHandler } from './http.ts';
import { Ingest } from './ingest.ts';
import { createMetrics } from './metrics.ts';
import { createPort, type Port } from './port.ts';
import { Protection } from './protection.ts';
import { PublishRoute } from './publish-route.ts';
import { ReadBack } from './recovery/read-back.ts';
import { Recovery } from './recovery/recovery.ts';
import { Resumption } from './recovery/resumption.ts';
import { Admission } from './security/admission.ts';
import { TlsFiles } from './security/tls-files.ts';
import { TokenRefresh } from './security/token-refresh.ts';
import { Sessions } from './sessions.ts';
import { startSummary } from './summary.ts';
import { Upgrade, webSocketPath } from './upgrade.ts';

/** Channels whose last position is remembered; about 300 bytes each. */
const maxChannels = 200_000;

const notYetConnected: ConsumerState = {
  connected: false,
  paused: false,
  lagRecords: 0,
  lastError: 'connecting',
};

/** The consumer of this node, once it runs. */
interface Reading {
  consumption: Consumption | undefined;
}

/** What a server is built on. */
export interface ServerDeps {
  readonly broker: Broker;
  readonly nodeId: string;
  readonly log: Log;
  /** What the guard perceives; the resources of this process unless given. */
  readonly senses?: GuardSenses;
}

/**
 * A server that listens. Disposing it lets every client go with 1001, within `drain.budgetMs`, and
 * leaves the broker.
 */
export interface RunningServer extends AsyncDisposable {
  readonly port: number;
  /** Where clients connect: `ws://host:port/ws`. */
  readonly url: string;
  /** Resolves when the history is warm: what the broker held at the start has been read. */
  readonly ready: Promise<void>;
  /** Resolves when it was drained by `POST /api/drain`: it is of no more use. */
  readonly drained: Promise<void>;
}

/**
 * Starts a server. Throws a UsageError when a key or certificate is no good, a PreflightError when
 * the port is taken and a RemoteError when the broker cannot be read.
 */
export async function startServer(
  config: Config['server'],
  deps: ServerDeps,
): Promise<RunningServer> {
  const { broker, log } = deps;
  const counters = new Counters();
  const tls = await TlsFiles.open(config.tls);
  const admission = await Admission.open(config, counters);
  const core = createCore(config, deps, counters, admission);
  const { state, ingest, upgrade, reading, readBack } = core;
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => readBack.stop());
  cleanUp.defer(() => state.delivery.stop());
  cleanUp.use(state.connections);
  cleanUp.use(state.protection);
  const producer =
    broker.kind === 'embedded' ? cleanUp.use(await broker.openProducer()) : undefined;
  const serverPort = cleanUp.use(createPort(config, tls, counters, log));
  const { http, scheme } = serverPort;
  const drained = Promise.withResolvers<void>();
  const startDrain = () => void leave(state, upgrade, 'drain').then(drained.resolve);
  http.on('request', createHttpHandler({ ...httpDeps(state, producer, config, log), startDrain }));
  http.on('upgrade', (request, stream, head) => upgrade.handle(request, stream, head));
  // Listening comes before reading: a taken port is said at once, and probes are answered.
  await listen(http, config);
  cleanUp.defer(() => closeServer(serverPort, state.connections));
  const consumption = await broker.consume({
    lookbackMs: config.historyMs,
    onRecords: (records) => {
      ingest.take(records);
      state.protection.took(records.length);
    },
    onLost: (range) => ingest.lost(range),
  });
  cleanUp.use(consumption);
  state.consumer = () => consumption.state();
  reading.consumption = consumption;
  state.protection.hold.attach(consumption);
  cleanUp.use(startSummary(state, config.summaryMs, log));
  const { port } = http.address() as AddressInfo;
  const url = `${scheme}://${reachableHost(config.host)}:${port}${webSocketPath}`;
  log.info({ url, node: state.nodeId, broker: broker.kind, epoch: broker.epoch }, 'listening');
  const resources = cleanUp.move();
  return {
    port,
    url,
    ready: becomeReady(state, upgrade, consumption, log),
    drained: drained.promise,
    async [Symbol.asyncDispose]() {
      log.info({ connections: state.connections.size }, 'stopping');
      await leave(state, upgrade, 'shutdown');
      await resources.disposeAsync();
      log.info({ delivered: state.counters.messagesDelivered }, 'stopped');
    },
  };
}

/** The line from ingest to connection, and the state that reports read; nothing runs yet. */
function createCore(
  config: Config['server'],
  { broker, nodeId, log, senses }: ServerDeps,
  counters: Counters,
  admission: Admission,
) {
  const audit = new Audit(log, counters);
  const history = new History({ maxAgeMs: config.historyMs, maxBytes: config.historyBytes });
  const delivery = new Delivery(history, config, counters, audit);
  const channels = new Channels(maxChannels);
  const ingest = new Ingest(history, channels, delivery, counters, log, config.maxEventBytes);
  const connections = new Connections(
    delivery,
    counters,
    config.heartbeatMs,
    admission.devices,
    audit,
    config.drain.maxLifetimeMs,
  );
  const { heartbeatMs, maxSubscriptions, maxPayloadBytes, maxConnections } = config;
  const reading: Reading = { consumption: undefined };
  const limits = config.recovery;
  const readBack = new ReadBack(broker, limits, counters, log);
  const consumption = () => reading.consumption;
  const recovery = new Recovery({
    history,
    channels,
    broker,
    consumption,
    readBack,
    counters,
    limits,
  });
  const resumption = new Resumption(recovery, delivery, history);
  const refresh = new TokenRefresh(admission.tokens, delivery, counters);
  const messageRate = { perSecond: config.limits.messageRate, burst: config.limits.messageBurst };
  const parts = {
    ...{ connections, delivery, counters, history, resumption, log },
    ...{ refresh, messageRate, audit },
  };
  const sessions = new Sessions(parts, maxSubscriptions, {
    protocol: subprotocols.v2,
    epoch: broker.epoch,
    node: nodeId,
    heartbeat_ms: heartbeatMs,
    limits: { subscriptions: maxSubscriptions, message_bytes: maxPayloadBytes },
  });
  const upgrade = new Upgrade(connections, sessions, admission, audit, counters, config);
  const consumer = () => notYetConnected;
  const isWarm = () => state.isWarm;
  const watched = { connections, delivery, counters, audit, isWarm, senses };
  const protection = new Protection(config, watched);
  const state: NodeState = {
    ...{ nodeId, startedMs: Date.now(), broker, consumer, maxConnections },
    ...{ connections, delivery, history, counters, admission },
    ...{ protection, isWarm: false, isDraining: false },
  };
  upgrade.overloadedFor = () => protection.guard.refusal;
  return { state, ingest, upgrade, reading, readBack };
}

async function becomeReady(
  state: NodeState,
  upgrade: Upgrade,
  consumption: Consumption,
  log: Log,
): Promise<void> {
  await consumption.caughtUp;
  if (state.isDraining) return;
  state.isWarm = true;
  state.delivery.startObserving();
  upgrade.closedFor = undefined;
  log.info({ historyEvents: state.history.next - state.history.first }, 'ready');
}

function httpDeps(
  state: NodeState,
  producer: Producer | undefined,
  config: Config['server'],
  log: Log,
) {
  const publishRoute =
    producer === undefined ? undefined : new PublishRoute(producer, config.maxEventBytes);
  const { adminToken } = config;
  return { state, metrics: createMetrics(state), publishRoute, adminToken, log };
}

async function listen(http: Server, { host, port }: Config['server']): Promise<void> {
  http.listen({ host, port, backlog: 4_096 });
  try {
    await once(http, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new RemoteError(`port ${port} on ${host} is in use`, {
        hint: 'stop what listens there, or choose another with --port (0 takes a free one)',
        cause: error,
      });
    }
    throw new RemoteError(`cannot listen on ${host}:${port}: ${code}`, {
      hint: 'choose an address of this machine with --host and a port you may use with --port',
      cause: error,
    });
  }
}

/** Takes no more clients and lets those go that are there. Whoever asks is told that it is leaving. */
async function leave(state: NodeState, upgrade: Upgrade, reason: DrainReason): Promise<void> {
  state.isDraining = true;
  upgrade.closedFor = 'DRAINING';
  state.admission.abandon();
  await state.protection.drain.start(reason);
}

/** Takes no new connections, then ends what is left. */
async function closeServer(port: Port, connections: Connections): Promise<void> {
  const { http } = port;
  const closed = once(http, 'close');
  http.close();
  for (const connection of connections.open) connection.terminate('draining');
  http.closeAllConnections();
  port.destroySockets();
  await closed;
}

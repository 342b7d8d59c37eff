/** The fan-out server: broker → ingest → history → cohorts → connections → sockets, wired up. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PreflightError } from '../base/errors.ts';
import type { Broker, ConsumerState, Consumption, Producer } from '../broker/broker.ts';
import type { Config } from '../config/schema.ts';
import type { Log } from '../host/log.ts';
import { subprotocols } from '../protocol/versions.ts';
import { Channels } from './channels.ts';
import { Connections } from './connections.ts';
import { Counters } from './counters.ts';
import { Delivery } from './delivery.ts';
import type { NodeState } from './health.ts';
import { History } from './history.ts';
import { createHttpHandler } from './http.ts';
import { Ingest } from './ingest.ts';
import { createMetrics } from './metrics.ts';
import { PublishRoute } from './publish-route.ts';
import { Sessions } from './sessions.ts';
import { startSummary } from './summary.ts';
import { Upgrade, webSocketPath } from './upgrade.ts';

/** Channels whose last position is remembered; about 300 bytes each. */
const maxChannels = 200_000;
/** How long clients get to answer the close frame when the server stops, in milliseconds. */
const closeGraceMs = 2_000;
/** A request must send its headers within this time, in milliseconds. */
const headersTimeoutMs = 10_000;

const notYetConnected: ConsumerState = {
  connected: false,
  paused: false,
  lagRecords: 0,
  lastError: 'connecting',
};

/** What a server is built on. */
export interface ServerDeps {
  readonly broker: Broker;
  readonly nodeId: string;
  readonly log: Log;
}

/** A server that listens. Disposing it closes every client with 1001 and leaves the broker. */
export interface RunningServer extends AsyncDisposable {
  readonly port: number;
  /** Where clients connect: `ws://host:port/ws`. */
  readonly url: string;
  /** Resolves when the history is warm: what the broker held at the start has been read. */
  readonly ready: Promise<void>;
}

/**
 * Starts a server. Throws a PreflightError when the port is taken and a RemoteError when the
 * broker cannot be read.
 */
export async function startServer(
  config: Config['server'],
  deps: ServerDeps,
): Promise<RunningServer> {
  const { broker, log } = deps;
  const { state, ingest, upgrade } = createCore(config, deps);
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => state.delivery.stop());
  cleanUp.defer(() => state.connections.closeAll('draining', closeGraceMs));
  const producer =
    broker.kind === 'embedded' ? cleanUp.use(await broker.openProducer()) : undefined;
  const http = createServer({ headersTimeout: headersTimeoutMs, requestTimeout: headersTimeoutMs });
  http.on('request', createHttpHandler(httpDeps(state, producer, config.adminToken, log)));
  http.on('upgrade', (request, stream, head) => upgrade.handle(request, stream, head));
  // Listening comes before reading: a taken port is said at once, and probes are answered.
  await listen(http, config);
  cleanUp.defer(() => closeServer(http, state.connections));
  const consumption = await broker.consume({
    lookbackMs: config.historyMs,
    onRecords: (records) => ingest.take(records),
    onLost: (range) => ingest.lost(range),
  });
  cleanUp.use(consumption);
  state.consumer = () => consumption.state();
  cleanUp.use(startSummary(state, config.summaryMs, log));
  const { port } = http.address() as AddressInfo;
  const url = `ws://${reachableHost(config.host)}:${port}${webSocketPath}`;
  log.info({ url, node: state.nodeId, broker: broker.kind, epoch: broker.epoch }, 'listening');
  const resources = cleanUp.move();
  return {
    port,
    url,
    ready: becomeReady(state, upgrade, consumption, log),
    async [Symbol.asyncDispose]() {
      state.isDraining = true;
      upgrade.closedFor = 'DRAINING';
      log.info({ connections: state.connections.size }, 'stopping');
      await resources.disposeAsync();
      log.info({ delivered: state.counters.messagesDelivered }, 'stopped');
    },
  };
}

/** The line from ingest to connection, and the state that reports read; nothing runs yet. */
function createCore(config: Config['server'], { broker, nodeId, log }: ServerDeps) {
  const counters = new Counters();
  const history = new History({ maxAgeMs: config.historyMs, maxBytes: config.historyBytes });
  const delivery = new Delivery(history, config, counters);
  const channels = new Channels(maxChannels);
  const ingest = new Ingest(history, channels, delivery, counters, log, config.maxEventBytes);
  const connections = new Connections(delivery, counters, config.heartbeatMs);
  const { heartbeatMs, maxSubscriptions, maxPayloadBytes, maxConnections } = config;
  const sessions = new Sessions(connections, delivery, counters, maxSubscriptions, {
    protocol: subprotocols.v2,
    epoch: broker.epoch,
    node: nodeId,
    heartbeat_ms: heartbeatMs,
    limits: { subscriptions: maxSubscriptions, message_bytes: maxPayloadBytes },
  });
  const upgrade = new Upgrade(connections, sessions, counters, config);
  const consumer = () => notYetConnected;
  const state: NodeState = {
    ...{ nodeId, startedMs: Date.now(), broker, consumer, maxConnections },
    ...{ connections, delivery, history, counters, isWarm: false, isDraining: false },
  };
  return { state, ingest, upgrade };
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
  upgrade.closedFor = undefined;
  log.info({ historyEvents: state.history.next - state.history.first }, 'ready');
}

function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function httpDeps(
  state: NodeState,
  producer: Producer | undefined,
  adminToken: string | undefined,
  log: Log,
) {
  const publishRoute = producer === undefined ? undefined : new PublishRoute(producer);
  return { state, metrics: createMetrics(state), publishRoute, adminToken, log };
}

async function listen(http: Server, { host, port }: Config['server']): Promise<void> {
  http.listen({ host, port, backlog: 4_096 });
  try {
    await once(http, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new PreflightError(`port ${port} on ${host} is in use`, {
        hint: 'stop what listens there, or choose another with --port (0 takes a free one)',
        cause: error,
      });
    }
    throw new PreflightError(`cannot listen on ${host}:${port}: ${code}`, {
      hint: 'choose an address of this machine with --host and a port you may use with --port',
      cause: error,
    });
  }
}

/** Takes no new connections, lets the clients go, then ends what is left. */
async function closeServer(http: Server, connections: Connections): Promise<void> {
  const closed = once(http, 'close');
  http.close();
  await connections.closeAll('draining', closeGraceMs);
  http.closeAllConnections();
  await closed;
}

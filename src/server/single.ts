/** Single mode: one process reads the broker and serves the clients. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { reachableHost } from '../base/address.ts';
import type { Config } from '../config/schema.ts';
import type { Log } from '../host/log.ts';
import type { Connections } from './clients/connections.ts';
import type { DrainReason } from './clients/drain.ts';
import { LocalGate } from './clients/gate.ts';
import { type Upgrade, webSocketPath } from './clients/upgrade.ts';
import { Channels } from './delivery/channels.ts';
import type { Delivery } from './delivery/delivery.ts';
import { History } from './delivery/history.ts';
import { lookAtClients } from './details/client-look.ts';
import { StatusDetails } from './details/status-details.ts';
import { createHttpHandler } from './http/http.ts';
import { listen } from './http/listen.ts';
import { createPort, type Port } from './http/port.ts';
import { Publishing } from './ingest/publishing.ts';
import { maxChannels, Reading } from './ingest/reading.ts';
import { Limits } from './limits.ts';
import { Pages } from './pages/pages.ts';
import { Protection } from './protection.ts';
import { reload } from './reload.ts';
import { Audit } from './reporting/audit.ts';
import { Counters } from './reporting/counters.ts';
import { localNode } from './reporting/local-node.ts';
import { createMetrics } from './reporting/metrics.ts';
import { type AdmissionFigures, type NodeState, newInstance } from './reporting/node-state.ts';
import { startSummary } from './reporting/summary.ts';
import type { RunningServer, ServerDeps } from './running-server.ts';
import { Admission } from './security/admission.ts';
import { ConnectionRates } from './security/connection-rates.ts';
import { Devices } from './security/devices.ts';
import { TlsFiles } from './security/tls-files.ts';
import { createDelivery, createServing, type ServingParts } from './serving.ts';

/** The state with the parts themselves, not only what is read of them. */
interface SingleState extends NodeState {
  readonly connections: Connections;
  readonly delivery: Delivery;
  readonly protection: Protection;
  readonly admission: AdmissionFigures & Pick<Admission, 'abandon'>;
  isWarm: boolean;
  isDraining: boolean;
}

/** See `startServer`. */
export async function startSingle(
  config: Config['server'],
  deps: ServerDeps,
): Promise<RunningServer> {
  const { broker, log } = deps;
  const counters = new Counters();
  const tls = await TlsFiles.open(config.tls);
  const limits = new Limits(config);
  const admission = await Admission.open(config, limits);
  const pages = await Pages.open(config);
  await using cleanUp = new AsyncDisposableStack();
  const { state, details, reading, upgrade } = createNode(
    config,
    deps,
    { counters, limits, admission },
    cleanUp,
  );
  const producer =
    broker.kind === 'embedded' ? cleanUp.use(await broker.openProducer()) : undefined;
  const serverPort = cleanUp.use(createPort(config, tls, counters, log));
  const { http, scheme } = serverPort;
  const drained = Promise.withResolvers<void>();
  const startDrain = () => void leave(state, upgrade, 'drain').then(drained.resolve);
  const publishing = producer && new Publishing(producer, config.maxEventBytes);
  const metrics = createMetrics(state);
  const node = localNode({ state, metrics, details, publishing, startDrain });
  const { adminToken } = config;
  http.on('request', createHttpHandler({ node, pages, adminToken, log, counters }));
  http.on('upgrade', (request, stream, head) => upgrade.handle(request, stream, head));
  // Listening comes before reading: a taken port is said at once, and probes are answered.
  await listen(http, config);
  cleanUp.defer(() => closeServer(serverPort, state.connections));
  cleanUp.use(reading);
  await reading.start(state.protection.hold, (records) => state.protection.took(records));
  cleanUp.use(startSummary(state, config.summaryMs, log));
  const { port } = http.address() as AddressInfo;
  const url = `${scheme}://${reachableHost(config.host)}:${port}${webSocketPath}`;
  log.info({ url, node: state.nodeId, broker: broker.kind, epoch: broker.epoch }, 'listening');
  const resources = cleanUp.move();
  return {
    port,
    url,
    ready: becomeReady(state, upgrade, reading, log),
    drained: drained.promise,
    reload(next) {
      const outcome = reload(limits, next);
      serverPort.limit(limits.maxConnections);
      return outcome;
    },
    async [Symbol.asyncDispose]() {
      log.info({ connections: state.connections.size }, 'stopping');
      await leave(state, upgrade, 'shutdown');
      await resources.disposeAsync();
      log.info({ delivered: state.counters.messagesDelivered }, 'stopped');
    },
  };
}

/** The line from ingest to connection, and the state that reports read; nothing runs yet. */
function createNode(
  config: Config['server'],
  { broker, nodeId, log, senses }: ServerDeps,
  { counters, limits, admission }: Pick<ServingParts, 'counters' | 'limits' | 'admission'>,
  cleanUp: AsyncDisposableStack,
) {
  const audit = new Audit(log, counters);
  const history = new History({ maxAgeMs: config.historyMs, maxBytes: config.historyBytes });
  const channels = new Channels(maxChannels);
  const identity = { nodeId, clientPrefix: nodeId, epoch: broker.epoch };
  const parts = { identity, history, channels, counters, audit, admission, limits, log };
  const delivery = createDelivery(config, parts);
  const reading = new Reading(config, { broker, history, channels, counters, log }, delivery);
  const rates = new ConnectionRates(limits.addressRate, limits.globalRate, counters);
  const devices = new Devices(limits);
  const overloadedFor = () => state.protection.guard.refusal;
  const gate = new LocalGate({ limits, rates, devices, overloadedFor });
  const serving = cleanUp.use(createServing(config, delivery, gate, reading.older, parts));
  const { connections, upgrade } = serving;
  const isWarm = () => state.isWarm;
  const watched = { connections, delivery, counters, audit, limits, isWarm, senses };
  const protection = cleanUp.use(new Protection(config, watched));
  const state: SingleState = {
    ...{ nodeId, mode: 'single', instance: newInstance(), startedMs: Date.now(), broker },
    ...{ connections, delivery, history, counters },
    admission: {
      ...{ rates, devices },
      get pending() {
        return admission.pending;
      },
      abandon: () => admission.abandon(),
    },
    ...{ protection, isWarm: false, isDraining: false },
    consumer: () => reading.state(),
    shards: () => [],
    refresh: async () => [],
    get maxConnections() {
      return limits.maxConnections;
    },
  };
  const clients = { delivery, history, clientPrefix: nodeId };
  const details = new StatusDetails({
    history,
    liveSinceMs: () => reading.liveSinceMs,
    places: () => reading.places(),
    lookAtClients: async (question) => {
      return { look: await lookAtClients(question, clients, performance.now()), silent: [] };
    },
  });
  return { state, details, reading, upgrade };
}

async function becomeReady(
  state: SingleState,
  upgrade: Upgrade,
  reading: Reading,
  log: Log,
): Promise<void> {
  await reading.caughtUp;
  if (state.isDraining) return;
  state.isWarm = true;
  state.delivery.startObserving();
  upgrade.closedFor = undefined;
  log.info({ historyEvents: state.history.next - state.history.first }, 'ready');
}

/** Takes no more clients and lets those go that are there. Whoever asks is told that it is leaving. */
async function leave(state: SingleState, upgrade: Upgrade, reason: DrainReason): Promise<void> {
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

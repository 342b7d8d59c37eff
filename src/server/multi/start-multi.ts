/** Multi mode: a primary process and its shards behind one port. */
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { reachableHost } from '../../base/address.ts';
import { UsageError } from '../../base/errors.ts';
import type { Config } from '../../config/schema.ts';
import { refusalResponse } from '../../protocol/refusals.ts';
import { webSocketPath } from '../clients/upgrade.ts';
import { joinLooks } from '../details/client-look.ts';
import { StatusDetails } from '../details/status-details.ts';
import { createHttpHandler } from '../http/http.ts';
import { listen } from '../http/listen.ts';
import { createPort, type Port } from '../http/port.ts';
import { Publishing } from '../ingest/publishing.ts';
import { Limits } from '../limits.ts';
import { Pages } from '../pages/pages.ts';
import { bump, Counters } from '../reporting/counters.ts';
import { localNode } from '../reporting/local-node.ts';
import { createMetrics } from '../reporting/metrics.ts';
import { type NodeState, newInstance } from '../reporting/node-state.ts';
import type { ShardFigures } from '../reporting/shard-figures.ts';
import { startSummary } from '../reporting/summary.ts';
import type { RunningServer, ServerDeps } from '../running-server.ts';
import { openTokens } from '../security/admission.ts';
import { clientAddress } from '../security/client-address.ts';
import { TlsFiles } from '../security/tls-files.ts';
import { Primary } from './primary/primary.ts';

const maxPort = 65_535;

/** See `startServer`. */
export async function startMulti(
  config: Config['server'],
  deps: ServerDeps,
): Promise<RunningServer> {
  checkPorts(config.shards);
  const { broker, log } = deps;
  const counters = new Counters();
  const limits = new Limits(config);
  const tls = await TlsFiles.open(config.tls);
  // The shards use them; what is wrong with a key is to be said here, and once.
  await openTokens(config.auth);
  const pages = await Pages.open(config);
  await using cleanUp = new AsyncDisposableStack();
  const port = cleanUp.use(createPort(config, tls, counters, log));
  const failed = createFailure();
  const { promise: drained, resolve: onDrained } = Promise.withResolvers<void>();
  const primary: Primary = cleanUp.use(
    new Primary(config, {
      ...{ counters, limits, deps },
      answer: (socket) => port.receive(socket),
      node: () => node,
      onFailed: failed.reject,
    }),
  );
  const state = stateOf(primary, limits, deps, config);
  const producer =
    broker.kind === 'embedded' ? cleanUp.use(await broker.openProducer()) : undefined;
  const publishing = producer && new Publishing(producer, config.maxEventBytes);
  const startDrain = () => void primary.leave('drain').then(onDrained);
  const details = detailsOf(primary);
  const metrics = createMetrics(state);
  const node = localNode({ state, metrics, details, publishing, startDrain });
  port.http.on(
    'request',
    createHttpHandler({ node, pages, adminToken: config.adminToken, log, counters }),
  );
  port.http.on('upgrade', (request, stream) => {
    refuse(stream, primary, counters, addressOf(request, limits));
  });
  const { server } = primary.acceptor;
  await listen(server, config);
  cleanUp.defer(() => close(primary, port));
  cleanUp.use(primary.reading);
  await primary.start();
  cleanUp.use(startSummary(state, config.summaryMs, log));
  const address = server.address() as AddressInfo;
  const url = `${port.scheme}://${reachableHost(config.host)}:${address.port}${webSocketPath}`;
  const shards = config.shards.count;
  log.info(
    { url, node: deps.nodeId, broker: broker.kind, epoch: broker.epoch, shards },
    'listening',
  );
  const resources = cleanUp.move();
  return {
    port: address.port,
    url,
    ready: orFailed(becomeReady(primary, deps), failed.promise),
    drained: orFailed(drained, failed.promise),
    reload: (next) => primary.reload(next),
    async [Symbol.asyncDispose]() {
      log.info({ connections: state.connections.size }, 'stopping');
      await primary.leave('shutdown');
      await primary.refresh();
      const { messagesDelivered } = state.counters;
      await resources.disposeAsync();
      log.info({ delivered: messagesDelivered }, 'stopped');
    },
  };
}

/** It may fail while the broker is still being asked, when nobody waits for that yet. */
function createFailure(): PromiseWithResolvers<never> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  return failed;
}

/** Whoever does not wait for it hears of the failure elsewhere. */
function orFailed(promise: Promise<void>, failed: Promise<never>): Promise<void> {
  const either = Promise.race([promise, failed]);
  either.catch(() => undefined);
  return either;
}

function checkPorts({ basePort, count }: Config['server']['shards']): void {
  if (basePort + count - 1 <= maxPort) return;
  throw new UsageError(`server.shards.basePort: ${count} ports from ${basePort} up do not exist`, {
    hint: `the last port is ${maxPort}: choose a lower --shard-base-port`,
  });
}

/** Takes no new connections, then ends what is left. */
async function close({ acceptor, supervisor }: Primary, port: Port): Promise<void> {
  const closed = acceptor.close();
  port.destroySockets();
  // The port is free when the sockets are gone that were on their way to a shard.
  await supervisor[Symbol.asyncDispose]();
  await closed;
}

/** Ready is a node whose shards all serve. */
async function becomeReady(primary: Primary, { log }: ServerDeps): Promise<void> {
  await primary.caughtUp();
  await primary.supervisor.allServing();
  if (primary.isDraining) return;
  const { history } = primary;
  log.info({ historyEvents: history.next - history.first }, 'ready');
}

function addressOf({ socket, headers }: IncomingMessage, { trustedProxies }: Limits): string {
  return clientAddress(socket.remoteAddress, headers['x-forwarded-for'], trustedProxies);
}

/** Whoever asks for a connection in this process gets none. */
function refuse(stream: Duplex, primary: Primary, counters: Counters, address: string): void {
  const code = primary.refusedFor ?? 'AT_CAPACITY';
  bump(counters.refused, code);
  primary.audit.note('connect_refused', 'client refused', { code, address });
  stream.on('error', () => undefined);
  stream.once('finish', stream.destroy);
  stream.resume();
  stream.end(refusalResponse(code));
}

function stateOf(
  primary: Primary,
  limits: Limits,
  { broker, nodeId }: ServerDeps,
  config: Config['server'],
): NodeState {
  const { totals, history, hold, guard, drain, devices, rates, slots } = primary;
  const numbers = Array.from({ length: config.shards.count }, (_, shard) => shard);
  return {
    ...{ nodeId, mode: 'multi', instance: newInstance(), startedMs: Date.now(), broker, history },
    counters: totals.counters,
    connections: {
      get size() {
        return slots.inUse - slots.pending;
      },
    },
    delivery: totals.delivery,
    protection: { hold, guard, drain },
    admission: {
      ...{ devices, rates },
      get pending() {
        return totals.pendingHandshakes;
      },
    },
    get maxConnections() {
      return limits.maxConnections;
    },
    get isWarm() {
      return primary.isWarm;
    },
    get isDraining() {
      return primary.isDraining;
    },
    consumer: () => primary.reading.state(),
    shards: () => numbers.map((shard) => figuresOf(primary, shard)),
    refresh: () => primary.refresh(),
  };
}

function detailsOf({ history, reading, clients }: Primary): StatusDetails {
  return new StatusDetails({
    history,
    liveSinceMs: () => reading.liveSinceMs,
    places: () => reading.places(),
    async lookAtClients(question) {
      const { answers, silent } = await clients.ask(question);
      return { look: joinLooks(question, answers), silent };
    },
  });
}

function figuresOf({ supervisor, slots, totals }: Primary, shard: number): ShardFigures {
  const running = supervisor.processOf(shard);
  const { inUse, pending } = slots.ofShard(shard);
  return {
    ...{ shard, pid: running?.pid, state: running?.state ?? 'gone' },
    ...{ connections: inUse - pending, pending },
    restarts: supervisor.restartsOf(shard),
    feedLagEvents: running?.feedState?.lagEvents ?? 0,
    feedStalls: running?.feedState?.stalls ?? 0,
    report: totals.reportOf(shard),
    cpuPercent: totals.cpuPercentOf(shard),
  };
}

/** The HTTP server of the control API: who may ask, what is answered, and in which form. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { reachableHost } from '../base/address.ts';
import { RemoteError } from '../base/errors.ts';
import { listenFault } from '../base/listen-fault.ts';
import type { Log } from '../host/log.ts';
import { controlRoutes, type Route } from './control-routes.ts';
import type { PublisherMetrics } from './publisher-metrics.ts';
import { ControlRefusal, type Controls } from './publisher-status.ts';
import { BadRequest, readBody } from './request-body.ts';

const requestTimeoutMs = 10_000;

/** A listening control API. */
export interface ControlApi extends AsyncDisposable {
  readonly url: string;
}

/**
 * Listens on `host` and `port` (0 takes a free one). Rejects with a RemoteError when that is
 * not possible. There is no login, so pages of foreign origins are refused.
 */
export async function startControlApi(
  { host, port }: { readonly host: string; readonly port: number },
  controls: Controls,
  metrics: PublisherMetrics,
  log: Log,
): Promise<ControlApi> {
  const routes = controlRoutes(controls);
  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    answer(request, response, routes, metrics).catch((error: unknown) => {
      refuse(response, error, log);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
  if (!isLoopback(host)) {
    log.warn({ host }, 'the control api has no login and is reachable from other machines');
  }
  const { port: boundPort } = server.address() as AddressInfo;
  return {
    url: `http://${reachableHost(host)}:${boundPort}`,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Readonly<Record<string, Route>>,
  metrics: PublisherMetrics,
): Promise<void> {
  allowOrigin(request, response);
  const path = (request.url ?? '/').replace(/\?.*$/, '').replace(/(.)\/$/, '$1');
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  const paths = [...Object.keys(routes), 'GET /metrics'];
  const methods = paths
    .filter((name) => name.endsWith(` ${path}`))
    .map((name) => name.split(' ')[0]);
  if (methods.length === 0) throw new BadRequest(404, `no such path: ${path}`);
  if (method === 'OPTIONS') {
    response.writeHead(204, {
      'Access-Control-Allow-Methods': methods.join(', '),
      'Access-Control-Allow-Headers': 'content-type',
    });
    response.end();
    return;
  }
  if (!methods.includes(method)) {
    response.setHeader('Allow', methods.join(', '));
    throw new BadRequest(405, `${path} takes ${methods.join(', ')}, not ${method}`);
  }
  if (path === '/metrics') {
    response.setHeader('Content-Type', metrics.registry.contentType);
    response.end(await metrics.registry.metrics());
    return;
  }
  const route = routes[`${method} ${path}`] as Route;
  const { status = 200, body } = route(method === 'GET' ? {} : await readBody(request));
  writeJson(response, status, body);
}

/**
 * Browsers say where a page came from. Pages of this machine may read; any other page is refused,
 * because a simple POST is sent by the browser without asking first.
 */
function allowOrigin(request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers;
  response.setHeader('Vary', 'Origin');
  if (origin === undefined) return;
  const host = URL.canParse(origin) ? new URL(origin).hostname.replace(/^\[|\]$/g, '') : '';
  if (!isLoopback(host)) throw new BadRequest(403, `pages of ${origin} may not use this api`);
  response.setHeader('Access-Control-Allow-Origin', origin);
}

function refuse(response: ServerResponse, error: unknown, log: Log): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error instanceof ControlRefusal) {
    writeJson(response, 409, { error: error.message });
    return;
  }
  if (error instanceof BadRequest) {
    // The rest of a body that is too large is not worth reading.
    if (error.status === 413) response.setHeader('Connection', 'close');
    writeJson(response, error.status, { error: error.message });
    return;
  }
  log.error({ err: error }, 'the control api failed');
  writeJson(response, 500, { error: 'internal error' });
}

function writeJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function listenError(error: Error, host: string, port: number): RemoteError {
  const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  const reason = isTaken
    ? `port ${port} on ${host} is in use`
    : `cannot listen on ${host}:${port}: ${listenFault(error)}`;
  return new RemoteError(reason, {
    hint: isTaken
      ? 'choose another port with --api-port, or a free one with --api-port 0'
      : 'choose an address of this machine with --api-host and a port you may use with --api-port',
    cause: error,
  });
}

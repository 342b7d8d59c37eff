/** HTTP routes of the server: health, readiness, metrics, publishing, draining. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../host/log.ts';
import { refusals } from '../protocol/refusals.ts';
import { mayAdminister } from './access.ts';
import { drainReport, healthReport, type NodeState, notReadyReasons } from './health.ts';
import type { Answer, PublishRoute } from './publish-route.ts';
import { webSocketPath } from './upgrade.ts';

/** What the routes need. */
export interface HttpDeps {
  readonly state: NodeState;
  readonly metrics: Registry;
  /** Undefined when the broker is not the embedded one. */
  readonly publishRoute: PublishRoute | undefined;
  readonly adminToken: string | undefined;
  /** Lets all clients go; again has no further effect. */
  readonly startDrain: () => void;
  readonly log: Log;
}

/** The handler for plain HTTP requests; upgrades go elsewhere. */
export function createHttpHandler(deps: HttpDeps) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    route(request, response, deps).catch((error: unknown) => {
      // Without the query, which may hold a token.
      const path = request.url?.split('?', 1)[0];
      deps.log.error({ err: error, path }, 'request failed');
      if (!response.headersSent)
        answer(response, 500, { error: messageOf(error), code: 'INTERNAL' });
    });
  };
}

async function route(request: IncomingMessage, response: ServerResponse, deps: HttpDeps) {
  const path = request.url?.split('?', 1)[0];
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (path === '/api/publish') return publish(request, response, deps);
  if (path === '/api/drain') return drain(request, response, deps);
  if (path === webSocketPath) {
    response.setHeader('Upgrade', 'websocket');
    return refuse(response, 'UPGRADE_REQUIRED');
  }
  if (!isRead) return refuse(response, 'NOT_FOUND');
  switch (path) {
    case '/livez':
      return answer(response, 200, { status: 'alive' });
    case '/readyz': {
      const reasons = notReadyReasons(deps.state);
      return answer(response, reasons.length === 0 ? 200 : 503, {
        ready: reasons.length === 0,
        reasons,
      });
    }
    case '/health':
      response.setHeader('Access-Control-Allow-Origin', '*');
      return answer(response, 200, healthReport(deps.state));
    case '/metrics':
      response.setHeader('Content-Type', deps.metrics.contentType);
      response.end(await deps.metrics.metrics());
      return;
    default:
      return refuse(response, 'NOT_FOUND');
  }
}

async function publish(request: IncomingMessage, response: ServerResponse, deps: HttpDeps) {
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST');
    return answer(response, 405, { error: 'use POST', code: 'METHOD_NOT_ALLOWED' });
  }
  if (!mayAdminister(request, deps.adminToken)) {
    const error = 'publishing from another machine needs ADMIN_TOKEN as bearer token';
    return answer(response, 403, { error, code: 'FORBIDDEN' });
  }
  if (deps.publishRoute === undefined) {
    const error = 'this server reads from a broker: publish there';
    return answer(response, 409, { error, code: 'NOT_EMBEDDED' });
  }
  const result: Answer = await deps.publishRoute.handle(request);
  if (result.status === 413) response.setHeader('Connection', 'close');
  return answer(response, result.status, result.body);
}

function drain(request: IncomingMessage, response: ServerResponse, deps: HttpDeps): void {
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST');
    return answer(response, 405, { error: 'use POST', code: 'METHOD_NOT_ALLOWED' });
  }
  if (!mayAdminister(request, deps.adminToken)) {
    const error = 'draining from another machine needs ADMIN_TOKEN as bearer token';
    return answer(response, 403, { error, code: 'FORBIDDEN' });
  }
  const { protection, connections } = deps.state;
  deps.startDrain();
  return answer(response, 202, { drain: drainReport(protection.drain, connections.size) });
}

function refuse(response: ServerResponse, code: keyof typeof refusals): void {
  const { status, error, retryAfterMs } = refusals[code];
  answer(response, status, { error, code, retry_after_ms: retryAfterMs });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json');
  response.setHeader('Cache-Control', 'no-store');
  response.end(`${JSON.stringify(body)}\n`);
}

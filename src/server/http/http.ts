/** HTTP routes of the server: health, readiness, metrics, status, publishing, draining, pages. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../host/log.ts';
import { refusals } from '../../protocol/refusals.ts';
import { webSocketPath } from '../clients/upgrade.ts';
import { sectionsAskedFor } from '../details/section-query.ts';
import type { Pages } from '../pages/pages.ts';
import type { Counters } from '../reporting/counters.ts';
import type { NodeApi } from '../reporting/node-api.ts';
import { mayAdminister } from './access.ts';
import { isAnswer, readSubmission } from './publish-route.ts';
import { sharedReads } from './shared-reads.ts';

/** What the routes need. */
export interface HttpDeps {
  /** Answers for the whole node, from whatever process. */
  readonly node: NodeApi;
  readonly pages: Pages;
  readonly adminToken: string | undefined;
  readonly log: Log;
  readonly counters: Pick<Counters, 'socketsDropped'>;
}

type Route = (request: IncomingMessage, response: ServerResponse, deps: HttpDeps) => Promise<void>;

/** Requests of one connection that may wait for their answers; whoever sends more is cut off. */
const maxPipelined = 4;

/** The handler for plain HTTP requests; upgrades go elsewhere. */
export function createHttpHandler(given: HttpDeps) {
  const deps = { ...given, node: sharedReads(given.node) };
  const open = new WeakMap<Socket, number>();
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    // Those behind it in the same piece of data come here even so.
    if (socket.destroyed) return;
    const count = (open.get(socket) ?? 0) + 1;
    if (count > maxPipelined) {
      deps.counters.socketsDropped++;
      socket.destroy();
      return;
    }
    open.set(socket, count);
    response.once('close', () => open.set(socket, (open.get(socket) ?? 1) - 1));
    route(request, response, deps).catch((error: unknown) => {
      deps.log.error({ err: error, path: pathOf(request) }, 'request failed');
      if (!response.headersSent)
        answer(response, 500, { error: messageOf(error), code: 'INTERNAL' });
    });
  };
}

const reading = ['GET', 'HEAD'] as const;

/** Routes for everybody. */
const probes: Readonly<Record<string, Route>> = {
  '/livez': async (_request, response) => answer(response, 200, { status: 'alive' }),
  async '/readyz'(_request, response, { node }) {
    const reasons = await node.readiness();
    const ready = reasons.length === 0;
    answer(response, ready ? 200 : 503, { ready, reasons });
  },
  async '/health'(_request, response, { node }) {
    response.setHeader('Access-Control-Allow-Origin', '*');
    answer(response, 200, await node.health());
  },
  async '/metrics'(_request, response, { node }) {
    const { contentType, text } = await node.metrics();
    response.setHeader('Content-Type', contentType);
    response.end(text);
  },
};

/** Routes for whoever may administer the server: with what they are asked, and what they do. */
const adminRoutes: Readonly<
  Record<string, { methods: readonly string[]; doing: string; route: Route }>
> = {
  '/api/publish': { methods: ['POST'], doing: 'publishing', route: publish },
  '/api/drain': {
    methods: ['POST'],
    doing: 'draining',
    route: async (_request, response, { node }) =>
      answer(response, 202, { drain: await node.drain() }),
  },
  '/api/status': {
    methods: reading,
    doing: 'reading the status',
    route: status,
  },
};

async function route(request: IncomingMessage, response: ServerResponse, deps: HttpDeps) {
  const path = pathOf(request);
  if (Object.hasOwn(adminRoutes, path)) return await administer(request, response, deps);
  if (path === webSocketPath) {
    response.setHeader('Upgrade', 'websocket');
    return refuse(response, 'UPGRADE_REQUIRED');
  }
  const isProbe = Object.hasOwn(probes, path);
  if (!isProbe && !deps.pages.has(path)) return refuse(response, 'NOT_FOUND');
  if (!mayUse(reading, request, response)) return;
  if (isProbe) await probes[path]?.(request, response, deps);
  else deps.pages.answer(path, request, response);
}

/** Whether a request's method is one of these; else it is answered. */
function mayUse(
  methods: readonly string[],
  { method = '' }: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (methods.includes(method)) return true;
  response.setHeader('Allow', methods.join(', '));
  const error = `use ${methods.join(' or ')}`;
  answer(response, 405, { error, code: 'METHOD_NOT_ALLOWED' });
  return false;
}

async function administer(
  request: IncomingMessage,
  response: ServerResponse,
  deps: HttpDeps,
): Promise<void> {
  const { methods, doing, route } = adminRoutes[pathOf(request)] as (typeof adminRoutes)[string];
  if (!mayUse(methods, request, response)) return;
  if (!mayAdminister(request, deps.adminToken)) {
    const error = `${doing} from another machine needs ADMIN_TOKEN as bearer token`;
    return answer(response, 403, { error, code: 'FORBIDDEN' });
  }
  await route(request, response, deps);
}

async function status({ url = '' }: IncomingMessage, response: ServerResponse, { node }: HttpDeps) {
  const sections = sectionsAskedFor(url);
  if (typeof sections === 'string')
    return answer(response, 400, { error: sections, code: 'BAD_REQUEST' });
  answer(response, 200, await node.status(sections));
}

async function publish(request: IncomingMessage, response: ServerResponse, { node }: HttpDeps) {
  const submission = await readSubmission(request);
  const result = isAnswer(submission) ? submission : await node.publish(submission);
  if (result.status === 413) response.setHeader('Connection', 'close');
  answer(response, result.status, result.body);
}

/** Without the query, which may hold a token. */
function pathOf(request: IncomingMessage): string {
  return request.url?.split('?', 1)[0] ?? '';
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

/** The routes of the control API: those of the replaced publisher, both generations, and metrics. */
import type { Controls } from './publisher-status.ts';
import { BadRequest, type Body, ignoredFields, readRate, readTokens } from './request-body.ts';

/** Answers one method of one path. */
export type Route = (body: Body) => { readonly status?: number; readonly body: object };

/** Routes as `METHOD /path`. */
export function controlRoutes(controls: Controls): Readonly<Record<string, Route>> {
  return {
    'GET /health': () => health(controls),
    'GET /status': () => ({ body: status(controls) }),
    'GET /stats': () => ({ body: status(controls) }),
    'POST /start': (body) => ({
      body: start(controls, body, 'rate', ['rate', 'tokenIds']),
    }),
    'POST /stop': (body) => ({ body: { ...stop(controls), ...ignoredFields(body, []) } }),
    'POST /rate': (body) => ({ body: changeRate(controls, body) }),
    'POST /control': (body) => ({ body: control(controls, body) }),
  };
}

function health(controls: Controls): { readonly status: number; readonly body: object } {
  const { healthy, running, targetRate } = controls.status();
  return {
    status: healthy ? 200 : 503,
    body: {
      status: healthy ? 'ok' : 'unhealthy',
      publisher: healthy ? 'connected' : 'disconnected',
      simulator: running ? 'running' : 'stopped',
      currentRate: running ? (targetRate ?? null) : 0,
    },
  };
}

function status(controls: Controls): object {
  const now = controls.status();
  return {
    isRunning: now.running,
    currentRate: now.running ? (now.targetRate ?? null) : 0,
    publisherHealthy: now.healthy,
    ...now,
  };
}

function start(
  controls: Controls,
  body: Body,
  rateField: string,
  known: readonly string[],
): object {
  controls.start({ rate: readRate(body, rateField), tokens: readTokens(body, 'tokenIds') });
  const { targetRate, tokens } = controls.status();
  return {
    status: 'started',
    rate: targetRate ?? null,
    tokenCount: tokens,
    ...ignoredFields(body, known),
  };
}

function stop(controls: Controls): object {
  controls.pause();
  return { status: 'stopped' };
}

function changeRate(controls: Controls, body: Body): object {
  const rate = readRate(body, 'rate') ?? missingRate('rate');
  if (!controls.status().running) throw new BadRequest(400, 'the publisher is not running');
  controls.setRate(rate);
  return { status: 'updated', rate, ...ignoredFields(body, ['rate']) };
}

/** The first generation's single route; `connections` of it has had no meaning since. */
function control(controls: Controls, body: Body): object {
  const { action } = body;
  if (action === 'stop') return { ...stop(controls), ...ignoredFields(body, ['action']) };
  if (action === 'start') {
    return start(controls, body, 'messagesPerSecond', ['action', 'messagesPerSecond', 'tokenIds']);
  }
  if (action !== 'configure') {
    throw new BadRequest(400, '"action" must be start, stop or configure');
  }
  const rate = readRate(body, 'messagesPerSecond') ?? missingRate('messagesPerSecond');
  controls.setRate(rate);
  return {
    status: 'updated',
    rate,
    ...ignoredFields(body, ['action', 'messagesPerSecond']),
  };
}

function missingRate(field: string): never {
  throw new BadRequest(400, `"${field}" is missing: expected a number from 0.1 to 50000`);
}

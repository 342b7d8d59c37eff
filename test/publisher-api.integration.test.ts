/** The control API of a running publisher: routes of both generations, refusals, origins, metrics. */
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { RemoteError } from '../src/base/errors.ts';
import { startTestPublisher } from './support/start-publisher.ts';

test('the second generation of routes starts, changes, reports and stops', async () => {
  await using run = await startTestPublisher({ idle: true });
  expect(await run.call('GET', '/health')).toEqual({
    status: 200,
    body: { status: 'ok', publisher: 'connected', simulator: 'stopped', currentRate: 0 },
  });
  expect(await run.call('POST', '/rate', { rate: 10 })).toEqual({
    status: 400,
    body: { error: 'the publisher is not running' },
  });
  expect(run.producer.records).toHaveLength(0);
  expect(await run.call('POST', '/start', { rate: 1_000, tokenIds: ['BTC', 'ETH'] })).toEqual({
    status: 200,
    body: { status: 'started', rate: 1_000, tokenCount: 2 },
  });
  await expect.poll(() => run.producer.records.length).toBeGreaterThan(100);
  expect(new Set(run.producer.records.map(({ key }) => key))).toEqual(new Set(['BTC', 'ETH']));
  expect((await run.call('GET', '/status')).body).toMatchObject({
    isRunning: true,
    currentRate: 1_000,
    publisherHealthy: true,
    tokens: 2,
  });
  expect(await run.call('POST', '/stop')).toEqual({ status: 200, body: { status: 'stopped' } });
  expect(await run.call('POST', '/stop')).toEqual({ status: 200, body: { status: 'stopped' } });
  const stopped = run.producer.records.length;
  // A hundred events would fall due while it has to stay stopped.
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(run.producer.records).toHaveLength(stopped);
  expect(await run.call('POST', '/start', { tokenIds: ['SOL', 'SOL'] })).toMatchObject({
    body: { rate: 1_000, tokenCount: 1 },
  });
  await expect.poll(() => run.producer.records.at(-1)?.key).toBe('SOL');
});

test('the first generation of routes works too, and says what it ignores', async () => {
  await using run = await startTestPublisher({ idle: true });
  const started = { action: 'start', messagesPerSecond: 500, connections: 7 };
  expect(await run.call('POST', '/control', started)).toMatchObject({
    status: 200,
    body: { status: 'started', rate: 500, ignored: ['connections'] },
  });
  await expect.poll(() => run.producer.records.length).toBeGreaterThan(20);
  expect(await run.call('POST', '/control', { action: 'configure', messagesPerSecond: 5 })).toEqual(
    {
      status: 200,
      body: { status: 'updated', rate: 5 },
    },
  );
  expect((await run.call('GET', '/stats')).body).toMatchObject({ running: true, targetRate: 5 });
  expect(await run.call('POST', '/control', { action: 'stop' })).toMatchObject({
    body: { status: 'stopped' },
  });
  expect((await run.call('GET', '/stats')).body).toMatchObject({ running: false });
});

const rateError = 'must be a number from 0.1 to 50000';

test.each([
  ['POST', '/start', 400, `"rate" ${rateError}`, { rate: 0 }],
  ['POST', '/start', 400, `"rate" ${rateError}`, { rate: '100' }],
  ['POST', '/start', 400, `"rate" ${rateError}`, { rate: 50_001 }],
  ['POST', '/rate', 400, '"rate" is missing: expected a number from 0.1 to 50000', {}],
  ['POST', '/start', 400, '"tokenIds" must be a list of token symbols', { tokenIds: [] }],
  ['POST', '/start', 400, '"tokenIds" must be a list of token symbols', { tokenIds: 'BTC' }],
  ['POST', '/start', 400, '"tokenIds": "A.B" is not a token symbol', { tokenIds: ['BTC', 'A.B'] }],
  ['POST', '/control', 400, '"action" must be start, stop or configure', { action: 'explode' }],
  ['POST', '/control', 400, '"messagesPerSecond" is missing', { action: 'configure' }],
  ['POST', '/rate', 400, 'body is not JSON', '{"rate":'],
  ['POST', '/rate', 400, 'body must be a JSON object', '[1]'],
  ['POST', '/start', 413, 'body is larger than 65536 bytes', { tokenIds: ['x'.repeat(70_000)] }],
  ['GET', '/nothing', 404, 'no such path: /nothing'],
  ['GET', '/start', 405, '/start takes POST, not GET'],
  ['DELETE', '/status', 405, '/status takes GET, not DELETE'],
])(
  '%s %s is answered with %i and "%s"',
  async (method, path, status, error, body: unknown = undefined) => {
    await using run = await startTestPublisher({ idle: true });
    const answer = await run.call(method, path, body);
    expect(answer.status).toBe(status);
    expect((answer.body as { error: string }).error).toContain(error);
    expect(run.publisher.status().running).toBe(false);
  },
);

test('pages of this machine may use the api, pages of others may not', async () => {
  await using run = await startTestPublisher({ idle: true });
  const asked = (origin: string, method = 'POST') =>
    fetch(`${run.publisher.apiUrl}/start`, { method, headers: { origin } });
  const foreign = await asked('https://evil.example');
  expect(foreign.status).toBe(403);
  expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  expect(run.publisher.status().running).toBe(false);
  const preflight = await asked('http://localhost:5173', 'OPTIONS');
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-methods')).toBe('POST');
  const local = await asked('http://localhost:5173');
  expect(local.status).toBe(200);
  expect(local.headers.get('access-control-allow-origin')).toBe('http://localhost:5173');
});

test('metrics say what was published', async () => {
  await using run = await startTestPublisher({ rate: 10_000, count: 500 });
  await run.publisher.finished;
  const response = await fetch(`${run.publisher.apiUrl}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  const text = await response.text();
  expect(text).toMatch(/^odin_publisher_published_total 500$/m);
  expect(text).toMatch(/^odin_publisher_target_rate 10000$/m);
  expect(text).toMatch(/^odin_publisher_running 0$/m);
  expect(text).toMatch(/^odin_publisher_send_seconds_count [1-9]\d*$/m);
});

test('a port that is taken is named, with what to do', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  const failed = await startTestPublisher({ apiPort: port }).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(RemoteError);
  expect((failed as RemoteError).message).toBe(`port ${port} on 127.0.0.1 is in use`);
  expect((failed as RemoteError).hint).toContain('--api-port 0');
  await new Promise((resolve) => taken.close(resolve));
});

test('an api that other machines can reach is warned about', async () => {
  await using run = await startTestPublisher({ idle: true, apiHost: '0.0.0.0' });
  expect(run.logLines).toContainEqual(expect.objectContaining({ level: 'warn', host: '0.0.0.0' }));
  expect((await run.call('GET', '/health')).status).toBe(200);
});

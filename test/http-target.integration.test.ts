/** Publishing over HTTP against servers that fail, hang, forget to answer, or refuse. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { RemoteError } from '../src/base/errors.ts';
import type { OutgoingRecord } from '../src/broker/broker.ts';
import { openHttpTarget } from '../src/publisher/http-target.ts';
import { RecordsRefused } from '../src/publisher/records-refused.ts';
import { odin } from './support/fake-host.ts';

const silent = pino({ level: 'silent' });

interface Request {
  readonly batch: number;
  readonly producer: string;
  readonly authorization: string | undefined;
  readonly bytes: number;
  readonly lines: readonly { key: string; type: string; timestamp: number; data: { n: number } }[];
}

/** What to do with a request: answer it, or misbehave. */
type Behaviour = (request: Request, response: ServerResponse) => void;

interface FakeServer extends AsyncDisposable {
  readonly url: string;
  /** Every request that came in whole, repeated ones too. */
  readonly requests: Request[];
  /** The `n` of all events, in order, a repeated batch counting once: what odin's server keeps. */
  readonly log: number[];
  sockets: number;
  behave: Behaviour;
}

const accept: Behaviour = (request, response) => {
  response.end(JSON.stringify({ accepted: request.lines.length }));
};

async function startFake(port = 0): Promise<FakeServer> {
  const server = createServer(async (incoming, response) => {
    if (incoming.url === '/health') {
      response.end('{}');
      return;
    }
    const request = await read(incoming);
    if (fake.requests.at(-1)?.batch !== request.batch) {
      fake.log.push(...request.lines.map(({ data }) => data.n));
    }
    fake.requests.push(request);
    fake.behave(request, response);
  });
  server.on('connection', () => fake.sockets++);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const fake: FakeServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    log: [],
    sockets: 0,
    behave: accept,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return fake;
}

async function read(incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  expect(incoming.url).toBe('/api/publish');
  expect(incoming.headers['content-type']).toBe('application/x-ndjson');
  return {
    batch: Number(incoming.headers['x-odin-batch']),
    producer: String(incoming.headers['x-odin-producer']),
    authorization: incoming.headers.authorization,
    bytes: body.length,
    lines: body
      .toString()
      .split('\n')
      .map((line) => JSON.parse(line)),
  };
}

function records(from: number, count: number, padding = ''): OutgoingRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    topic: 'odin.analytics',
    key: 'BTC',
    timestampMs: 5,
    value: JSON.stringify({
      type: 'HOLDER_COUNT_UPDATED',
      timestamp: 5,
      data: { n: from + index, padding },
    }),
  }));
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

test('events arrive in order, over one connection, in batches that are numbered from 1', async () => {
  await using fake = await startFake();
  await using target = await openHttpTarget(fake.url, silent);
  const sends = range(100).map((index) => target.send(records(index * 10, 10)));
  await Promise.all(sends);
  expect(fake.log).toEqual(range(1_000));
  expect(fake.requests.map(({ batch }) => batch)).toEqual(
    fake.requests.map((_, index) => index + 1),
  );
  expect(fake.requests.length).toBeLessThan(5);
  expect(fake.sockets).toBe(1);
  expect(fake.requests[0]!.lines[0]).toMatchObject({
    key: 'BTC',
    type: 'HOLDER_COUNT_UPDATED',
    timestamp: 5,
    data: { n: 0 },
  });
});

test('requests stay within a mebibyte, and a larger event is refused at once', async () => {
  await using fake = await startFake();
  await using target = await openHttpTarget(fake.url, silent);
  await target.send(records(0, 30, 'x'.repeat(100_000)));
  expect(fake.log).toEqual(range(30));
  for (const { bytes } of fake.requests) expect(bytes).toBeLessThanOrEqual(1024 * 1024);
  const refused = await target.send(records(30, 1, 'x'.repeat(1_100_000))).catch((e: unknown) => e);
  expect(refused).toBeInstanceOf(RecordsRefused);
  expect(fake.log).toHaveLength(30);
});

test('a server that fails in every way still gets each event once, in order', async () => {
  await using fake = await startFake();
  await using target = await openHttpTarget(fake.url, silent, { timeoutMs: 100 });
  const ways: Behaviour[] = [
    (_, response) => response.writeHead(503).end('{"error":"draining"}'),
    (_, response) => response.destroy(),
    () => undefined, // never answers
    (_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"acc');
      setImmediate(() => response.destroy());
    },
    (_, response) => response.writeHead(502).end('<html>'),
  ];
  let seen = 0;
  fake.behave = (request, response) => {
    const way = seen++ % 2 === 0 ? ways[(seen >> 1) % ways.length] : undefined;
    (way ?? accept)(request, response);
  };
  for (let index = 0; index < 12; index++) await target.send(records(index * 5, 5));
  expect(fake.log).toEqual(range(60));
  expect(fake.requests.length).toBeGreaterThanOrEqual(24);
  expect(new Set(fake.requests.map(({ producer }) => producer)).size).toBe(1);
  for (const [index, request] of fake.requests.entries()) {
    const before = fake.requests[index - 1];
    if (before?.batch === request.batch) expect(request.lines).toEqual(before.lines);
  }
});

test('events wait while the server is gone and arrive when it is back', async () => {
  const first = await startFake();
  await using target = await openHttpTarget(first.url, silent);
  await target.send(records(0, 3));
  await first[Symbol.asyncDispose]();
  const waiting = Promise.all([target.send(records(3, 3)), target.send(records(6, 3))]);
  await using second = await startFake(Number(new URL(first.url).port));
  await waiting;
  expect(first.log).toEqual([0, 1, 2]);
  expect(second.log).toEqual([3, 4, 5, 6, 7, 8]);
});

test('only the sends whose events were refused are rejected', async () => {
  await using fake = await startFake();
  await using target = await openHttpTarget(fake.url, silent);
  fake.behave = (_, response) => {
    const rejected = [{ line: 3, reason: 'BTC is closed' }];
    response.writeHead(400).end(JSON.stringify({ code: 'BAD_RECORDS', accepted: 5, rejected }));
  };
  const [one, two, three] = await Promise.allSettled([
    target.send(records(0, 2)),
    target.send(records(2, 2)),
    target.send(records(4, 2)),
  ]);
  expect([one!.status, two!.status, three!.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  const { reason } = two as PromiseRejectedResult;
  expect(reason).toBeInstanceOf(RecordsRefused);
  expect(reason).toMatchObject({ refused: 1, message: '1 event was refused: BTC is closed' });
});

test('refusals that the server counts but does not list are counted too', async () => {
  await using fake = await startFake();
  await using target = await openHttpTarget(fake.url, silent);
  fake.behave = (_, response) => {
    const rejected = [{ line: 1, reason: 'no' }];
    response.writeHead(400).end(JSON.stringify({ accepted: 4, rejected }));
  };
  await expect(target.send(records(0, 10))).rejects.toMatchObject({ refused: 6 });
});

test('a token is sent along, and a refused one ends the publishing', async () => {
  await using fake = await startFake();
  fake.behave = (request, response) => {
    if (request.authorization === 'Bearer right') accept(request, response);
    else response.writeHead(401).end('{"error":"wrong token","code":"UNAUTHORIZED"}');
  };
  await using right = await openHttpTarget(fake.url, silent, { token: 'right' });
  await right.send(records(0, 1));
  await using wrong = await openHttpTarget(fake.url, silent, { token: 'wrong' });
  const failed = await wrong.send(records(1, 1)).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(RemoteError);
  expect((failed as RemoteError).message).toBe(`${fake.url} does not let us publish: wrong token`);
  expect((failed as RemoteError).hint).toContain('ADMIN_TOKEN');
  await expect(wrong.send(records(2, 1))).rejects.toBe(failed);
  expect(fake.requests).toHaveLength(2);
});

test('a server that takes no events at all is named with its answer', async () => {
  await using fake = await startFake();
  await using target = await openHttpTarget(fake.url, silent);
  fake.behave = (_, response) => response.writeHead(404).end('{"error":"no such path"}');
  const failed = await target.send(records(0, 1)).catch((error: unknown) => error);
  expect((failed as RemoteError).message).toBe(
    `${fake.url} answered 404 Not Found to events: no such path`,
  );
  expect((failed as RemoteError).hint).toContain('embedded');
});

test.each([
  ['\n<html>\u001b[31m\n<head>', 'answered 405 Method Not Allowed to events: <html> [31m'],
  ['', 'answered 405 Method Not Allowed to events'],
  ['x'.repeat(5_000), `answered 405 Method Not Allowed to events: ${'x'.repeat(100)}…`],
])('of a page instead of an answer only the first line is shown: %j', async (page, words) => {
  await using fake = await startFake();
  await using target = await openHttpTarget(fake.url, silent);
  fake.behave = (_, response) => response.writeHead(405).end(page);
  const failed = await target.send(records(0, 1)).catch((error: unknown) => error);
  expect((failed as RemoteError).message).toBe(`${fake.url} ${words}`);
});

test('a server that is not there at the start is an error at once', async () => {
  const gone = await startFake();
  await gone[Symbol.asyncDispose]();
  const failed = await openHttpTarget(gone.url, silent).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(RemoteError);
  expect((failed as RemoteError).message).toMatch(`cannot reach ${gone.url}: `);
  expect((failed as RemoteError).hint).toContain('odin serve');
});

test('closing rejects what is not confirmed instead of leaving it hanging', async () => {
  await using fake = await startFake();
  const target = await openHttpTarget(fake.url, silent);
  fake.behave = () => undefined;
  const sending = target.send(records(0, 1)).catch((error: unknown) => error);
  await expect.poll(() => fake.requests.length).toBe(1);
  await target[Symbol.asyncDispose]();
  expect(await sending).toBeInstanceOf(RemoteError);
});

test.each([['--json'], ['']])('what was published before the end is told (%s)', async (flag) => {
  await using fake = await startFake();
  let taken = 0;
  fake.behave = (request, response) => {
    if (taken >= 20) return void response.writeHead(403).end('{"error":"not any more"}');
    taken += request.lines.length;
    accept(request, response);
  };
  const line = `publish --api-port 0 --target ${fake.url} --rate 500 --duration 60s ${flag}`;
  const { exitCode, stdout, stderr } = await odin(line, { signal: new AbortController().signal });
  expect(exitCode).toBe(4);
  expect(stderr).toMatch(/^error: http\S+ does not let us publish: not any more$/m);
  if (flag === '')
    expect(stdout).toMatch(new RegExp(`^${taken} events published in .*, \\d+ failed`));
  else expect(JSON.parse(stdout)).toMatchObject({ published: taken, failed: expect.any(Number) });
});

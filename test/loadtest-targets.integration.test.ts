/** Tests of what a load test can aim at: TLS, IPv6, source addresses, tokens, and wrong addresses. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { odin } from './support/fake-host.ts';
import { FaultServer, type Faults } from './support/fault-server.ts';
import { kafkaBrokers } from './support/kafka.ts';
import { faultsOf, publish, run } from './support/run-loadtest.ts';
import { makeCertificate } from './support/tls.ts';

/** A server with a certificate of its own, and the file with which it is trusted. */
async function startSecure(certificate: Parameters<typeof makeCertificate>[0] = {}) {
  const made = await makeCertificate(certificate);
  const tls = { cert: made.ca, key: await readFile(made.keyFile, 'utf8') };
  const server = await FaultServer.start({ tls });
  return {
    server,
    caFile: made.certFile,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await made[Symbol.asyncDispose]();
    },
  };
}

/** A short run as a command line. Interrupting it is left to the test's end. */
function attack(flags: string, env: Record<string, string> = {}) {
  const line = `loadtest --connections 3 --ramp-rate 400 --duration 0.2 --channels BTC.trade ${flags}`;
  return odin(line, { signal: new AbortController().signal, env });
}

async function listening(server: Server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

test('over TLS, events arrive as they do without, and the handshake is a phase', async () => {
  await using secure = await startSecure();
  const { server, caFile } = secure;
  const [report] = await Promise.all([
    run(server.url, { caFile, workers: '2', connectTimeoutMs: '30s' }),
    publish(server, 20, 50),
  ]);
  expect(faultsOf(report)).toEqual([]);
  expect(report.messages).toMatchObject({ received: 1_000, lost: 0, duplicated: 0 });
  const { connected, secured, upgraded } = report.phases;
  expect(secured?.count).toBe(20);
  expect(secured?.p50).toBeGreaterThan(connected.p50!);
  expect(secured?.p50).toBeLessThanOrEqual(upgraded.p50!);
});

test('any certificate will do when it is asked for', async () => {
  await using secure = await startSecure({ name: 'DNS:elsewhere.example', isExpired: true });
  const { server } = secure;
  const [report] = await Promise.all([
    run(server.url, { insecure: 'true', connectTimeoutMs: '30s' }),
    publish(server, 20, 10),
  ]);
  expect(faultsOf(report)).toEqual([]);
});

test.each([
  ['another name', { name: 'DNS:elsewhere.example' }, true, 'tls-name-mismatch', /a name of the/],
  ['an old one', { isExpired: true }, true, 'tls-expired', /renew it/],
  ['one that nobody signed', {}, false, 'tls-self-signed', /--ca cert.pem/],
] as const)('a certificate for %s is told in one line', async (_, made, isTrusted, name, hint) => {
  await using secure = await startSecure(made);
  const { server, caFile } = secure;
  const { exitCode, stderr, stdout } = await attack(
    `--url ${server.url}${isTrusted ? ` --ca ${caFile}` : ''}`,
  );
  expect(stderr).toMatch(new RegExp(`^error: cannot connect to ${server.url}: ${name}: .+$`, 'm'));
  expect(stderr).toMatch(hint);
  expect(exitCode).toBe(4);
  expect(stdout).toMatch(/^VERDICT fail/);
  expect(server.requests).toBe(0);
});

test('TLS to a plain port and plain to a TLS port are told apart', async () => {
  await using plain = await FaultServer.start();
  await using secure = await startSecure();
  const toPlain = await attack(`--url ${plain.url.replace('ws:', 'wss:')}`);
  expect(toPlain.stderr).toMatch(/^error: .*: tls-plain-expected: .*\nhint: .* use ws:\/\//m);
  expect(toPlain.exitCode).toBe(4);
  const toSecure = await attack(`--url ${secure.server.url.replace('wss:', 'ws:')}`);
  expect(toSecure.stderr).toMatch(/^error: .*: upgrade-closed: .*\nhint: .* use wss:\/\//m);
  expect(toSecure.exitCode).toBe(4);
});

test.each<[string, Faults, string, RegExp]>([
  ['a wrong path', { refuse: () => '404 Not Found' }, 'upgrade-status-404', /at \/ws, check/],
  ['a door that wants a token', { refuse: () => '401 No' }, 'upgrade-status-401', /TOKEN/],
  ['what is no HTTP', { answer: 'SSH-2.0-OpenSSH\r\n' }, 'upgrade-bad-response', /no WebSocket/],
])('%s is told in one line', async (_, faults, name, hint) => {
  await using server = await FaultServer.start(faults);
  const { exitCode, stderr } = await attack(`--url ${server.url}`);
  expect(stderr.match(/^error: .*$/gm)).toEqual([
    expect.stringContaining(`cannot connect to ${server.url}: ${name}: `),
  ]);
  expect(stderr).toMatch(hint);
  expect(exitCode).toBe(4);
});

test('a web server without WebSocket is told, and so is a port where nobody listens', async () => {
  const web = createServer((_request, response) => response.end('hello'));
  const dead = await listening(createTcpServer());
  await dead[Symbol.asyncDispose]();
  await using site = await listening(web);
  const there = await attack(`--url ws://127.0.0.1:${site.port}/ws`);
  expect(there.stderr).toMatch(/^error: .*: upgrade-status-200: hello\nhint: no WebSocket/m);
  expect(there.exitCode).toBe(4);
  const nobody = await attack(`--url ws://127.0.0.1:${dead.port}/ws`);
  expect(nobody.stderr).toMatch(/^error: .*: connect-refused: .*ECONNREFUSED.*\nhint: is `odin/m);
  expect(nobody.exitCode).toBe(4);
});

test('what a server answers drives no terminal', async () => {
  await using server = await FaultServer.start({
    answer: 'HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n\u001b[2J!',
  });
  const { stdout, stderr } = await attack(`--url ${server.url}`);
  expect(stderr).toMatch(/^error: cannot connect to .*404.*\uFFFD\[2J!/m);
  expect(stdout + stderr).not.toContain('\u001b');
});

test('a WebSocket server that is not odin is told, with what tests it', async () => {
  const echo = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  echo.on('connection', (socket) => socket.on('message', (text) => socket.send(`you: ${text}`)));
  const plain = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => false });
  await Promise.all([once(echo, 'listening'), once(plain, 'listening')]);
  const aim = (server: WebSocketServer) =>
    attack(`--connect-timeout 1s --url ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  try {
    const heard = await aim(echo);
    expect(heard.stderr).toMatch(/^error: .*: open-bad-message: .*\nhint: .*--protocol raw/m);
    expect(heard.exitCode).toBe(4);
    const named = await aim(plain);
    expect(named.stderr).toMatch(/^error: .*: upgrade-bad-subprotocol: .*\nhint: .*--protocol v1/m);
    expect(named.exitCode).toBe(4);
  } finally {
    echo.close();
    plain.close();
  }
});

const cuts: readonly [string, (socket: Socket) => void][] = [
  ['closes at once', (socket) => socket.end()],
  ['closes what it does not understand', (socket) => socket.once('data', () => socket.end())],
  ['resets it', (socket) => socket.once('data', () => socket.resetAndDestroy())],
];

test.each(cuts)('a server without HTTP that %s is told, with what to check', async (_, cut) => {
  const server = createTcpServer((socket) => cut(socket.on('error', () => undefined).resume()));
  await using other = await listening(server);
  const { exitCode, stderr } = await attack(`--url ws://127.0.0.1:${other.port}/ws`);
  expect(stderr).toMatch(
    /^error: .*: upgrade-(closed|reset): .*\nhint: .* answers no HTTP: check/m,
  );
  expect(exitCode).toBe(4);
});

test.skipIf(kafkaBrokers === undefined)('and so is Kafka', async () => {
  const { exitCode, stderr } = await attack(`--url ws://${kafkaBrokers?.split(',')[0]}/ws`);
  expect(stderr).toMatch(/^hint: .* answers no HTTP: check the port/m);
  expect(exitCode).toBe(4);
});

test('a server that cuts off every client, and answers in HTTP, is a finding', async () => {
  const server = createServer((_request, response) => response.end('I am well'));
  server.on('upgrade', (_request, socket) => socket.destroy());
  await using site = await listening(server);
  const { exitCode, stderr } = await attack(`--url ws://127.0.0.1:${site.port}/ws`);
  expect(exitCode).toBe(99);
  expect(stderr).not.toContain('hint:');
});

test('a server that is full is a finding, not a wrong address', async () => {
  await using server = await FaultServer.start({ refuse: () => '503 Full' });
  expect(await attack(`--url ${server.url}`)).toMatchObject({ exitCode: 99 });
});

test('clients come from all source addresses, evenly, and reach IPv6', async () => {
  await using server = await FaultServer.start();
  const sources = ['127.0.0.2', '127.0.0.3'];
  await Promise.all([
    run(server.url, { sourceIps: sources.join(), workers: '2' }),
    publish(server, 20, 5),
  ]);
  expect(sources.map((ip) => server.origins.filter((from) => from === ip).length)).toEqual([
    10, 10,
  ]);
  await using six = await FaultServer.start({ host: '::1' });
  const [report] = await Promise.all([run(six.url, { sourceIps: '::1' }), publish(six, 20, 5)]);
  expect(faultsOf(report)).toEqual([]);
  expect(six.headers[0]?.host).toBe(`[::1]:${six.port}`);
});

test('tokens and headers reach the server, and nothing else', async () => {
  await using certificate = await makeCertificate();
  const tokenFile = join(certificate.certFile, '..', 'tokens');
  await writeFile(tokenFile, 'secret.a.1\nsecret.b.2\n');
  await using server = await FaultServer.start({ refuse: () => '403 Forbidden' });
  const env = { ODIN_LOADTEST_HEADERS: 'Cookie: sid=secret, other' };
  const { stdout, stderr } = await attack(
    `--url ${server.url} --token-file ${tokenFile} --json`,
    env,
  );
  expect(new Set(server.headers.map(({ authorization }) => authorization))).toEqual(
    new Set(['Bearer secret.a.1', 'Bearer secret.b.2']),
  );
  expect(server.headers[0]?.cookie).toBe('sid=secret, other');
  expect(JSON.parse(stdout)).toMatchObject({ config: { headers: ['Cookie'] } });
  expect(stdout + stderr).not.toContain('secret');
  const one = await attack(`--url ${server.url} --json`, { ODIN_LOADTEST_TOKEN: 'secret.c.3' });
  expect(server.headers.at(-1)?.authorization).toBe('Bearer secret.c.3');
  expect(one.stdout + one.stderr).not.toContain('secret');
});

test.each([
  ['--url http://127.0.0.1/ws', /--url: expected ws:\/\/host:port\/ws or wss/],
  ['--url ws://ann:pw@127.0.0.1/ws', /--url: expected no login in the address/],
  ['--url ws://127.0.0.1:0/ws', /--url: expected the port of a server: nobody listens at 0/],
  ['--source-ip 127.0.0.300', /--source-ip: expected IP addresses/],
  ['--source-ip ::1 --url ws://127.0.0.1:1/ws', /--source-ip: no connection from ::1 to 127/],
  [
    '--ca /no/such.pem --url wss://127.0.0.1:1/ws',
    /--ca: cannot read \/no\/such.pem: no such file/,
  ],
  ['--ca package.json --url wss://127.0.0.1:1/ws', /--ca: package.json holds no certificate/],
  [
    '--token-file /no/such',
    /--token-file: cannot read \/no\/such: no such file\nhint: see what is there: ls \/no/,
  ],
  ['--token-file /', /--token-file: cannot read \/: it is a folder\nhint: name a file in it/],
  ['--token-file docs/loadtest.md', /--token-file: token \d+ of docs\/loadtest.md has odd chara/],
  ['--header Upgrade:websocket', /--header.*: Upgrade is part of the handshake/],
  ['--header nonsense', /--header.*: expected "Name: value"/],
])('`odin loadtest %s` exits with 2 and says why', async (flags, message) => {
  const { exitCode, stderr, stdout } = await attack(flags);
  expect(stderr).toMatch(message);
  expect([exitCode, stdout]).toEqual([2, '']);
});

test('what this machine cannot do is refused with the fix, and tried with --force', async () => {
  await using server = await FaultServer.start();
  const refused = await attack(`--url ${server.url} --connections 90000 --source-ip 203.0.113.7`);
  expect(refused.exitCode).toBe(3);
  expect(refused.stderr).toMatch(/^error: --source-ip: 203\.0\.113\.7 cannot be used/m);
  expect(refused.stderr).toMatch(/^error: 90 000 connections from each of 1 --source-ip need/m);
  expect(refused.stderr).toMatch(/^hint: use --source-ip 127\.0\.0\.1,127\.0\.0\.2,127/m);
  const forced = await attack(`--url ${server.url} --force --source-ip 203.0.113.7`);
  expect(forced.stderr).toMatch(/^warning: --source-ip: 203\.0\.113\.7 cannot be used/m);
  expect(forced.stdout).toContain('local-no-such-address');
  expect([forced.exitCode, server.requests]).toEqual([99, 0]);
});

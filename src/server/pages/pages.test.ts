/** How the pages are sent: what is compressed, cached, refused, and said when there are none. */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { Pages } from './pages.ts';

const script = 'let all = 1; '.repeat(100);
const html = '<html data-access="open">';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'odin-pages-'));
  await mkdir(join(folder, 'assets'));
  await Promise.all([
    writeFile(join(folder, 'index.html'), html),
    writeFile(join(folder, 'ops.html'), html),
    writeFile(join(folder, 'assets', 'a-1.js'), script),
    writeFile(join(folder, 'assets', 'a-1.js.gz'), gzipSync(script)),
    writeFile(join(folder, 'secret.txt'), 'no page'),
  ]);
});

afterAll(() => rm(folder, { recursive: true }));

interface Got {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** Serves pages on a free port, and gets them: path, headers, method. */
async function serve(settings: Record<string, unknown> = {}, place = `${folder}/`) {
  const { server: config } = configSchema.parse({ server: settings });
  const pages = await Pages.open(config, pathToFileURL(place));
  const server = createServer((asked, response) => {
    const path = asked.url ?? '';
    if (pages.has(path)) pages.answer(path, asked, response);
    else response.writeHead(418).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    async get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> {
      const asked = request({ host: '127.0.0.1', port, path, headers, method }).end();
      const [response] = await once(asked, 'response');
      const chunks: Buffer[] = await response.toArray();
      return {
        ...{ status: response.statusCode, headers: response.headers },
        body: Buffer.concat(chunks),
      };
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

test('what is hashed may be kept for ever, pages are asked for again', async () => {
  await using server = await serve();
  const page = await server.get('/');
  expect([page.status, String(page.body)]).toEqual([200, html]);
  expect(page.headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    vary: 'Accept-Encoding',
  });
  const policy = String(page.headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain('unsafe');
  const asset = await server.get('/assets/a-1.js');
  expect(asset.headers).toMatchObject({
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
    'content-length': String(script.length),
  });
  const head = await server.get('/assets/a-1.js', {}, 'HEAD');
  expect([head.body.length, head.headers['content-length']]).toEqual([0, String(script.length)]);
});

test.each([
  ['gzip, deflate, br', '/assets/a-1.js', 'gzip'],
  ['br;q=0, gzip', '/', 'gzip'],
  ['gzip, br', '/', 'br'],
  ['gzip;q=0.0, br;q=0', '/', undefined],
  ['', '/assets/a-1.js', undefined],
  ['gzip;q=0', '/assets/a-1.js', undefined],
  ['BR; Q=0.2 , x-gzip;q=0.800', '/', 'gzip'],
  ['gzip;q=0.5, identity', '/', undefined],
  ['gzip;q=0.5, br;q=0.5, deflate', '/', 'br'],
  ['*', '/', 'br'],
  ['*', '/assets/a-1.js', 'gzip'],
  ['br;q=0, *;q=0.1', '/', 'gzip'],
  ['*;q=0', '/', undefined],
  ['identity;q=0, gzip;q=0.001', '/', 'gzip'],
  ['gzip;q=2, br;q=x', '/', undefined],
] as const)('who accepts %j gets %s as %s', async (accepted, path, encoding) => {
  await using server = await serve();
  const { headers, body } = await server.get(path, { 'accept-encoding': accepted });
  expect(headers['content-encoding']).toBe(encoding);
  const open = { br: brotliDecompressSync, gzip: gunzipSync, none: (bytes: Buffer) => bytes };
  const plain = open[encoding ?? 'none'](body);
  expect(String(plain)).toBe(path === '/' ? html : script);
});

test('who has it already is told so, for the form that it has', async () => {
  await using server = await serve();
  const { headers } = await server.get('/');
  const tag = String(headers['etag']);
  const again = await server.get('/', { 'if-none-match': `"other", W/${tag}` });
  expect([again.status, again.body.length, again.headers['etag']]).toEqual([304, 0, tag]);
  const other = await server.get('/', { 'if-none-match': tag, 'accept-encoding': 'gzip' });
  expect(other.status).toBe(200);
  const head = await server.get('/', { 'if-none-match': tag }, 'HEAD');
  expect([head.status, head.headers['vary']]).toEqual([304, 'Accept-Encoding']);
  for (const [given, status] of [
    ['*', 304],
    [` W/"a,b" ,${tag}`, 304],
    ['"*"', 200],
    [tag.replaceAll('"', ''), 200],
    ['', 200],
  ] as const)
    expect((await server.get('/', { 'if-none-match': given })).status, given).toBe(status);
});

test('where clients need a token, the page knows', async () => {
  await using server = await serve({ auth: { secret: 'x'.repeat(32) } });
  expect(String((await server.get('/')).body)).toBe('<html data-access="token">');
});

test('the operator’s page is refused where the status is', async () => {
  await using server = await serve({ adminToken: 'sesame' });
  const forwarded = { 'x-forwarded-for': '203.0.113.9' };
  const refused = await server.get('/ops', forwarded);
  expect([refused.status, refused.headers['cache-control']]).toEqual([403, 'no-store']);
  expect((await server.get('/ops')).status).toBe(200);
  const bearer = { ...forwarded, authorization: 'Bearer sesame' };
  expect((await server.get('/ops', bearer)).status).toBe(200);
});

test('nothing but the pages is sent, and nothing when they are off', async () => {
  await using server = await serve();
  for (const path of ['/index.html', '/secret.txt', '/assets/../secret.txt', '/assets/a-1.js.gz'])
    expect((await server.get(path)).status, path).toBe(418);
  await using off = await serve({ pages: 'off' });
  expect((await off.get('/')).status).toBe(418);
});

test('without a build, it says what is missing', async () => {
  await using server = await serve({}, '/nowhere/');
  const { status, body } = await server.get('/');
  expect([status, String(body)]).toEqual([404, expect.stringContaining('npm run build')]);
  expect((await server.get('/assets/a-1.js')).status).toBe(418);
});

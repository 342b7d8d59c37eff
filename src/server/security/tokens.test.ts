import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UsageError } from '../../base/errors.ts';
import { configSchema } from '../../config/schema.ts';
import { tokenOf } from './admission.ts';
import { Tokens } from './tokens.ts';

const secret = 'a secret of the tests, long enough for it';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const nowSeconds = () => Math.floor(Date.now() / 1_000);
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'odin-tokens-'));
  await writeFile(join(folder, 'rsa.pem'), pemOf(rsa.publicKey));
  await writeFile(join(folder, 'ec.pem'), pemOf(ec.publicKey));
});
afterAll(() => rm(folder, { recursive: true }));

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }) as string;
}

async function open(auth: Record<string, unknown>): Promise<Tokens> {
  const tokens = await Tokens.open(configSchema.parse({ server: { auth } }).server.auth);
  if (tokens === undefined) throw new Error('no key');
  return tokens;
}

const valid = () => ({ sub: 'ann', exp: nowSeconds() + 60 });

function sign(
  claims: JWTPayload = valid(),
  key: KeyObject | string = secret,
  alg = 'HS256',
  header: Record<string, unknown> = {},
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg, ...header })
    .sign(typeof key === 'string' ? Buffer.from(key) : key);
}

test('a token says who, until when, and what', async () => {
  const tokens = await open({ secret });
  const exp = nowSeconds() + 60;
  expect(await tokens.check(await sign({ sub: 'ann', exp }))).toEqual({
    user: 'ann',
    expiresMs: exp * 1_000,
    grants: undefined,
  });
  const channels = ['BTC.*', 'odin.token.ETH.favorites'];
  expect(await tokens.check(await sign({ sub: 'ann', exp, channels }))).toMatchObject({
    grants: new Set(['BTC.*', 'ETH.community']),
  });
});

test.each([
  ['RS256', 'rsa.pem', rsa.privateKey],
  ['ES256', 'ec.pem', ec.privateKey],
])('%s is checked with the key file', async (alg, file, key) => {
  const tokens = await open({ keyFile: join(folder, file) });
  expect(await tokens.check(await sign(valid(), key, alg))).toMatchObject({ user: 'ann' });
  const other =
    alg === 'RS256'
      ? otherRsa.privateKey
      : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  expect(await tokens.check(await sign(valid(), other, alg))).toMatchObject({
    code: 'INVALID_TOKEN',
  });
});

test.each<[string, () => JWTPayload]>([
  ['expired', () => ({ sub: 'ann', exp: nowSeconds() - 1 })],
  ['not valid yet', () => ({ ...valid(), nbf: nowSeconds() + 60 })],
  ['without exp', () => ({ sub: 'ann' })],
  ['without sub', () => ({ exp: nowSeconds() + 60 })],
  ['with an empty sub', () => ({ ...valid(), sub: '' })],
  ['with a long sub', () => ({ ...valid(), sub: 'x'.repeat(257) })],
  ['with a sub that is no text', () => ({ ...valid(), sub: 7 as unknown as string })],
  ['with an exp that is no number', () => ({ ...valid(), exp: '2999' as unknown as number })],
  ['with channels that are no list', () => ({ ...valid(), channels: '*' })],
  ['with channels that are none', () => ({ ...valid(), channels: ['BTC'] })],
  ['with channels null', () => ({ ...valid(), channels: null })],
])('a token %s is refused', async (_name, claims) => {
  const tokens = await open({ secret });
  expect(await tokens.check(await sign(claims()))).toMatchObject({ code: 'INVALID_TOKEN' });
});

test('issuer and audience must be the configured ones', async () => {
  const tokens = await open({ secret, issuer: 'exchange', audience: 'odin' });
  const check = async (claims: JWTPayload) => tokens.check(await sign({ ...valid(), ...claims }));
  expect(await check({ iss: 'exchange', aud: 'odin' })).toMatchObject({ user: 'ann' });
  expect(await check({ iss: 'exchange', aud: ['web', 'odin'] })).toMatchObject({ user: 'ann' });
  const refused = { code: 'INVALID_TOKEN' };
  expect(await check({ iss: 'other', aud: 'odin' })).toMatchObject(refused);
  expect(await check({ iss: 'exchange', aud: 'other' })).toMatchObject(refused);
  expect(await check({ aud: 'odin' })).toMatchObject(refused);
  expect(await check({ iss: 'exchange' })).toMatchObject(refused);
});

test('the algorithm follows from the key, not from the token', async () => {
  const byFile = await open({ keyFile: join(folder, 'rsa.pem') });
  const refused = { code: 'INVALID_TOKEN' };
  // The public key is public: a server that took it as HMAC secret would believe anybody.
  const confused = await sign(valid(), pemOf(rsa.publicKey), 'HS256');
  expect(await byFile.check(confused)).toMatchObject(refused);
  expect(await byFile.check(new UnsecuredJWT(valid()).encode())).toMatchObject(refused);
  for (const alg of ['RS384', 'RS512', 'PS256']) {
    expect(await byFile.check(await sign(valid(), rsa.privateKey, alg))).toMatchObject(refused);
  }
  const bySecret = await open({ secret });
  expect(await bySecret.check(new UnsecuredJWT(valid()).encode())).toMatchObject(refused);
  expect(await bySecret.check(await sign(valid(), `${secret}${secret}`, 'HS256'))).toMatchObject(
    refused,
  );
  expect(await bySecret.check(await sign(valid(), secret.repeat(2), 'HS512'))).toMatchObject(
    refused,
  );
  const both = await open({ secret, keyFile: join(folder, 'rsa.pem') });
  expect(await both.check(confused)).toMatchObject(refused);
  expect(await both.check(await sign())).toMatchObject({ user: 'ann' });
  expect(await both.check(await sign(valid(), rsa.privateKey, 'RS256'))).toMatchObject({
    user: 'ann',
  });
});

test('a changed token is refused', async () => {
  const tokens = await open({ secret });
  const [header, , signature] = (await sign()).split('.');
  const forged = Buffer.from(JSON.stringify({ sub: 'root', exp: nowSeconds() + 60 }));
  const token = `${header}.${forged.toString('base64url')}.${signature}`;
  expect(await tokens.check(token)).toMatchObject({ code: 'INVALID_TOKEN' });
});

test.each([undefined, '', '.', '..', 'x', 'a.b.c', 'e30.e30.', '💥.💥.💥', 'x'.repeat(15_000)])(
  'what is no token is refused and not repeated: %j',
  async (token) => {
    const tokens = await open({ secret });
    const result = await tokens.check(token);
    expect(result).toMatchObject({ code: 'INVALID_TOKEN' });
    if (token !== undefined && token.length > 2)
      expect(JSON.stringify(result)).not.toContain(token);
  },
);

test('without a key nobody needs a token', async () => {
  expect(await Tokens.open(configSchema.parse({}).server.auth)).toBeUndefined();
});

test('keys that are no good are said at the start', async () => {
  const file = async (text: string) => {
    const path = join(folder, 'bad.pem');
    await writeFile(path, text);
    return { keyFile: path };
  };
  const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey;
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey;
  const secretPem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const complaintOf = async (auth: Record<string, unknown>) => {
    const error: unknown = await open(auth).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    return (error as UsageError).message;
  };
  expect(await complaintOf({ keyFile: join(folder, 'none.pem') })).toContain(
    'server.auth.keyFile: cannot read',
  );
  expect(await complaintOf(await file('hello'))).toContain('no public key');
  expect(await complaintOf(await file(secretPem))).toContain('private key');
  expect(await complaintOf(await file(pemOf(weak)))).toContain('1024 bits');
  expect(await complaintOf(await file(pemOf(curve)))).toContain('secp384r1');
  const jwksUrl = 'http://127.0.0.1:1/jwks';
  expect(await complaintOf({ keyFile: join(folder, 'rsa.pem'), jwksUrl })).toContain('both set');
});

/** Publishes keys; counts how often they are asked for. */
async function startJwks(keys: readonly KeyObject[]) {
  const jwks = await Promise.all(
    keys.map(async (key, n) => ({ ...(await exportJWK(key)), kid: `key-${n}` })),
  );
  const asked = { count: 0, status: 200 };
  const server = createServer((_request, response) => {
    asked.count++;
    response.statusCode = asked.status;
    response.end(JSON.stringify({ keys: jwks }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

test('published keys are fetched once, chosen by id, and an unknown id does not fetch each time', async () => {
  await using jwks = await startJwks([rsa.publicKey, ec.publicKey]);
  const tokens = await open({ jwksUrl: jwks.url });
  const byRsa = await sign(valid(), rsa.privateKey, 'RS256', { kid: 'key-0' });
  const byEc = await sign(valid(), ec.privateKey, 'ES256', { kid: 'key-1' });
  const results = await Promise.all([byRsa, byEc, byRsa, byEc].map((token) => tokens.check(token)));
  for (const result of results) expect(result).toMatchObject({ user: 'ann' });
  const unknown = await sign(valid(), otherRsa.privateKey, 'RS256', { kid: 'key-7' });
  const stolen = await sign(valid(), otherRsa.privateKey, 'RS256', { kid: 'key-0' });
  const confused = await sign(valid(), pemOf(rsa.publicKey), 'HS256', { kid: 'key-0' });
  for (const token of [unknown, unknown, unknown, stolen, confused]) {
    expect(await tokens.check(token)).toMatchObject({ code: 'INVALID_TOKEN' });
  }
  expect(jwks.asked.count).toBe(1);
});

test('while keys cannot be fetched no token is judged, and the publisher is not hammered', async () => {
  await using jwks = await startJwks([rsa.publicKey]);
  jwks.asked.status = 500;
  const tokens = await open({ jwksUrl: jwks.url });
  const token = await sign(valid(), rsa.privateKey, 'RS256', { kid: 'key-0' });
  for (let n = 0; n < 20; n++) {
    expect(await tokens.check(token)).toMatchObject({ code: 'AUTH_UNAVAILABLE' });
  }
  expect(jwks.asked.count).toBe(1);
});

test.each([
  ['/ws?token=a', undefined, 'a'],
  ['/ws?auth=b', undefined, 'b'],
  ['/ws?x=1&token=a&auth=b', undefined, 'a'],
  ['/ws?token=a', 'Bearer c', 'c'],
  ['/ws', 'bearer c', 'c'],
  ['/ws', 'Basic c', undefined],
  ['/ws?token=', undefined, undefined],
  ['/ws', undefined, undefined],
])('the token of %s with authorization %j is %j', (url, authorization, expected) => {
  const headers = authorization === undefined ? {} : { authorization };
  expect(tokenOf({ url, headers })).toBe(expected);
});

test('a secret that is too short is no configuration', () => {
  const auth = { secret: 'only thirty-one bytes, not more' };
  const { error } = configSchema.safeParse({ server: { auth } });
  expect(error?.issues[0]).toMatchObject({ path: ['server', 'auth', 'secret'] });
  expect(error?.issues[0]?.message).toContain('at least 32 bytes');
});

/** Settings of who may connect to the server, how often, and with what. */
import * as z from 'zod';
import { address, amount, count, duration, file, list, text } from '../fields.ts';

/** TLS of the server's port; off unless both files are given. */
export const tls = z.strictObject({
  certFile: file()
    .optional()
    .describe('PEM file with the certificate chain; with it the port speaks TLS')
    .meta({ env: 'ODIN_TLS_CERT', flag: 'tls-cert' }),
  keyFile: file()
    .optional()
    .describe('PEM file with the private key')
    .meta({ env: 'ODIN_TLS_KEY', flag: 'tls-key' }),
});

/** Who may connect. Without a key, everybody. */
export const auth = z.strictObject({
  // RFC 7518 §3.2: a key of HS256 has at least as many bytes as its hash.
  secret: text()
    .refine((secret) => Buffer.byteLength(secret) >= 32, {
      error: 'expected at least 32 bytes, as from: openssl rand -base64 48',
    })
    .optional()
    .describe('shared secret of HS256 tokens; with any key, clients need a token')
    .meta({ env: 'JWT_SECRET', secret: true }),
  keyFile: file()
    .optional()
    .describe('PEM file with the public key of RS256 or ES256 tokens')
    .meta({ env: 'JWT_KEY_FILE' }),
  jwksUrl: address({
    schemes: ['http', 'https'],
    example: 'http(s)://host/path',
    hasPath: true,
  })
    .optional()
    .describe('where the public keys of RS256 or ES256 tokens are published')
    .meta({ env: 'JWKS_URL' }),
  issuer: text().optional().describe('`iss` that tokens must carry').meta({ env: 'JWT_ISSUER' }),
  audience: text()
    .optional()
    .describe('`aud` that tokens must carry')
    .meta({ env: 'JWT_AUDIENCE' }),
  devicesPerUser: count()
    .prefault(3)
    .describe('connections of one user (`sub`) at a time; 0 is unlimited')
    .meta({ reloadable: true }),
  // Apps in a shell have schemes of their own, and a sandboxed page is null.
  origins: list()
    .refine(
      (origins) => origins.every((origin) => /^([a-z][a-z0-9+.-]*:\/\/\S+|null)$/i.test(origin)),
      {
        error: 'expected origins such as https://app.example.com (leave it out to allow all)',
      },
    )
    .prefault('')
    .describe('web origins that may connect, such as https://app.example.com; none allows all')
    .meta({ env: 'WS_ALLOWED_ORIGINS', reloadable: true }),
});

/** How often anything may be tried. 0 is unlimited. */
export const limits = z.strictObject({
  ipRate: amount()
    .prefault(0)
    .describe('new connections per second from one address; 0 is unlimited')
    .meta({ env: 'CONN_RATE_LIMIT_IP_RATE', reloadable: true }),
  ipBurst: count({ min: 1 })
    .prefault(100)
    .describe('connections one address may open at once before the rate counts')
    .meta({ env: 'CONN_RATE_LIMIT_IP_BURST', reloadable: true }),
  globalRate: amount()
    .prefault(0)
    .describe('new connections per second in all; 0 is unlimited')
    .meta({ env: 'CONN_RATE_LIMIT_GLOBAL_RATE', reloadable: true }),
  globalBurst: count({ min: 1 })
    .prefault(300)
    .describe('connections that may open at once before the rate counts')
    .meta({ env: 'CONN_RATE_LIMIT_GLOBAL_BURST', reloadable: true }),
  trustedProxies: list()
    .prefault('')
    .describe('addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-For is believed')
    .meta({ reloadable: true }),
  messageRate: amount()
    .prefault(10)
    .describe('messages per second one client may send; 0 is unlimited')
    .meta({ reloadable: true }),
  messageBurst: count({ min: 1 })
    .prefault(100)
    .describe('messages one client may send at once before the rate counts')
    .meta({ reloadable: true }),
  handshakeMs: duration({ min: 100 })
    .prefault('10s')
    .describe('time to send a whole request, and then to have its token checked'),
});

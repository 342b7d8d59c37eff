/** Settings of what a load test aims at, and from where. */
import { isIP } from 'node:net';
import * as z from 'zod';
import { address, file, list, text, toggle } from '../fields.ts';
import { parseMessagePaths } from '../message-path.ts';

/** A header that the handshake needs as it is. */
const ownHeader = /^(upgrade|connection|sec-websocket-[\w-]+)$/i;
/** RFC 9110 §5.1 and §5.5, without obsolete folding. */
const headerPattern = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([^\0\r\n]*)$/;

/** Texts that may hold commas: one is a list of one. */
function texts(expected: string) {
  return z.union([z.array(z.string()), z.string().transform((one) => [one])], {
    error: `expected a list such as [${expected}]`,
  });
}

/** Fields of the section `loadtest`. */
export const loadtestTarget = {
  url: address({
    schemes: ['ws', 'wss'],
    example: 'ws://host:port/ws or wss://host:port/ws',
    hasPath: true,
    login: 'give it as a --header',
  })
    .prefault('ws://127.0.0.1:3004/ws')
    .describe('server to test; wss:// for TLS')
    .meta({ env: 'WS_URL', value: '<url>' }),
  caFile: file()
    .optional()
    .describe('PEM file of the certificates to trust in place of the well-known ones')
    .meta({ env: 'ODIN_LOADTEST_CA', flag: 'ca' }),
  insecure: toggle().prefault(false).describe('take any certificate of the server'),
  sourceIps: list()
    .refine((addresses) => addresses.every((address) => isIP(address) > 0), {
      error: 'expected IP addresses such as 127.0.0.2,127.0.0.3',
    })
    .prefault('')
    .describe('addresses of this machine to connect from, in turn; each has its own ports')
    .meta({ env: 'ODIN_LOADTEST_SOURCE_IP', flag: 'source-ip', value: '<ip,…>' }),
  token: text()
    .regex(/^[\x21-\x7e]+$/, { error: 'expected printable characters without spaces' })
    .optional()
    .describe('JWT that clients send as `Authorization: Bearer`')
    .meta({ secret: true }),
  tokenFile: file()
    .optional()
    .describe(
      'file with one JWT per line, which clients take in turn; a single one goes into ODIN_LOADTEST_TOKEN',
    ),
  headers: texts('"X-Tenant: a"')
    .superRefine((lines, context) => {
      for (const line of lines) {
        const name = headerPattern.exec(line)?.[1];
        if (name !== undefined && !ownHeader.test(name)) continue;
        const message =
          name === undefined
            ? 'expected "Name: value"'
            : `${name} is part of the handshake, which sets it itself`;
        context.addIssue({ code: 'custom', message });
      }
    })
    .optional()
    .describe('header of the handshake, such as "Origin: https://app.example.com"')
    .meta({ flag: 'header', value: '<name: value...>' }),
  protocol: z
    .enum(['v2', 'v1', 'raw'], { error: 'expected v2, v1 or raw' })
    .prefault('v2')
    .describe('what clients speak: odin.v2, odin.v1, or what --send and --message-path say'),
  messagePaths: list()
    .superRefine((texts, context) => {
      const parsed = parseMessagePaths(texts);
      if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed });
    })
    .prefault('')
    .describe('raw: where messages have their time, number and channel: ts=data.timestamp,seq=id')
    .meta({ flag: 'message-path', value: '<ts=path,…>' }),
  send: texts('"{\\"subscribe\\":\\"{channel}\\"}"')
    .optional()
    .describe(
      'raw: what to send on opening, or @file; sent for each of --channels if it holds {channel}',
    )
    .meta({ value: '<text...>' }),
  replies: texts('"2=>3"')
    .refine((replies) => replies.every((reply) => /.=>./s.test(reply)), {
      error: 'expected question=>answer, such as 2=>3',
    })
    .optional()
    .describe('raw: what to answer a message with, such as 2=>3 for the ping of Socket.IO')
    .meta({ flag: 'reply', value: '<question=>answer...>' }),
  subprotocols: list()
    .refine((names) => names.every((name) => /^[!#$%&'*+.^_`|~\w-]+$/.test(name)), {
      error: 'expected names such as graphql-ws',
    })
    .prefault('')
    .describe('raw: subprotocols to offer')
    .meta({ flag: 'subprotocol', value: '<name,…>' }),
};

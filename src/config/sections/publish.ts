/** Settings of the publisher. */
import * as z from 'zod';
import { isSymbol } from '../../events/channel.ts';
import { address, amount, count, duration, file, list, text, toggle } from '../fields.ts';

const tokens = list()
  .refine((symbols) => symbols.length > 0 && symbols.every(isSymbol), {
    error: 'expected token symbols such as BTC,ETH (letters, digits, _ and -)',
  })
  .prefault(
    'BTC,ETH,SOL,DOGE,ODIN,AVAX,MATIC,LINK,UNI,AAVE,SUSHI,COMP,MKR,SNX,YFI,CRV,BAL,RUNE,LUNA,ATOM',
  );

/** Section `publish`. */
export const publish = z.strictObject({
  rate: amount({ min: 0.1, max: 50_000 }).prefault(100).describe('events per second'),
  tokens: tokens.describe('symbols to invent events for'),
  seed: count().optional().describe('same seed, same events; default: another each run'),
  target: address({
    schemes: ['http', 'https'],
    example: 'http://host:port of an odin server',
    hasPath: true,
    login: 'what the server wants is its ADMIN_TOKEN',
  })
    .refine((url) => !/[?#]|\/api\/publish\/?$/.test(url), {
      error: 'expected the address of a server: /api/publish is added to it',
    })
    .optional()
    .describe('publish to a server with the embedded broker instead of a broker'),
  file: file().optional().describe('publish the events of an NDJSON file, - for standard input'),
  speed: amount({ min: 0.001 })
    .prefault(1)
    .describe('with a file: how many times faster than recorded'),
  trendingIntervalMs: duration()
    .prefault('5s')
    .describe('how often to publish global.trending, beside the rate; 0s never'),
  newListingIntervalMs: duration()
    .prefault('60s')
    .describe('how often to list a new token on global.new_listing, beside the rate; 0s never'),
  durationMs: duration({ bareSeconds: true, min: 1 }).optional().describe('stop after this time'),
  count: count({ min: 1 }).optional().describe('stop after this many events'),
  idle: toggle().prefault(false).describe('wait for POST /start before publishing'),
  apiHost: text()
    .prefault('127.0.0.1')
    .describe('address of the control API')
    .meta({ value: '<address>' }),
  apiPort: count({ max: 65_535 })
    .prefault(3003)
    .describe('port of the control API; 0 takes a free one')
    .meta({ env: 'API_PORT' }),
});

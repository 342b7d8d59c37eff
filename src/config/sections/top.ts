/** Settings of what watches others: `odin top` and `odin status`. */
import * as z from 'zod';
import { addressFault } from '../../base/address.ts';
import { address, duration, list } from '../fields.ts';

const http = { schemes: ['http', 'https'], example: 'http://host:port' };

/** What is wrong with the first address that is none, with the address where there are several. */
function faultOf(urls: readonly string[]): string | undefined {
  for (const url of urls) {
    const fault = addressFault(url, http);
    if (fault !== undefined) return urls.length === 1 ? fault : `${fault} (${url})`;
  }
  const isMany = urls.length > 0 && urls.length <= 64;
  if (!isMany) return 'expected 1 to 64 addresses such as http://127.0.0.1:3004';
  const origins = urls.map((url) => new URL(url).origin);
  return new Set(origins).size < origins.length ? 'expected each server once' : undefined;
}

/** Section `top`. */
export const top = z.strictObject({
  url: list()
    .refine((urls) => faultOf(urls) === undefined, {
      error: ({ input }) => faultOf(input as readonly string[]) as string,
    })
    .prefault('http://127.0.0.1:3004')
    .describe('servers to watch')
    .meta({ value: '<url,…>' }),
  publisherUrl: address(http)
    .prefault('http://127.0.0.1:3003')
    .describe('control API of the publisher to watch'),
  loadtestUrl: address(http)
    .prefault('http://127.0.0.1:9464')
    .describe('metrics of the load test to watch, which it serves with --prometheus 9464'),
  intervalMs: duration({ min: 100 }).prefault('1s').describe('how often to look'),
});

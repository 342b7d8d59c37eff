/** Settings of what watches others: `odin top` and `odin status`. */
import * as z from 'zod';
import { duration, list } from '../fields.ts';

const isHttp = (url: string) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);

/** Of an address only host and port count: they are what is asked. */
function areDifferent(urls: readonly string[]): boolean {
  const origins = urls.filter(isHttp).map((url) => new URL(url).origin);
  return new Set(origins).size === origins.length;
}

const httpUrl = z.url({ protocol: /^https?$/, error: 'expected http://host:port' });

/** Section `top`. */
export const top = z.strictObject({
  url: list()
    .refine((urls) => urls.length > 0 && urls.length <= 64 && urls.every(isHttp), {
      error: 'expected 1 to 64 addresses such as http://127.0.0.1:3004',
    })
    .refine(areDifferent, { error: 'expected each server once' })
    .prefault('http://127.0.0.1:3004')
    .describe('servers to watch')
    .meta({ value: '<url,…>' }),
  publisherUrl: httpUrl
    .prefault('http://127.0.0.1:3003')
    .describe('control API of the publisher to watch')
    .meta({ value: '<url>' }),
  loadtestUrl: httpUrl
    .prefault('http://127.0.0.1:9464')
    .describe('metrics of the load test to watch, which it serves with --prometheus 9464')
    .meta({ value: '<url>' }),
  intervalMs: duration({ min: 100 }).prefault('1s').describe('how often to look'),
});

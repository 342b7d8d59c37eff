/** Tests of agent.ts: what comes from nobody who leads a run. */
import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { UsageError } from '../../base/errors.ts';
import { serveAgent } from './agent.ts';

const never = new AbortController().signal;

async function faultOf(input: readonly string[], signal = never): Promise<unknown> {
  const stream = Readable.from(input.map((text) => Buffer.from(text)));
  const output = new PassThrough().resume();
  return await serveAgent({ input: stream, output, signal }).catch((error: unknown) => error);
}

test.each([
  [['hello\n'], 'standard input has what no agent understands: "hello"'],
  [
    ['{"kind":"sing"}\n'],
    'standard input has what no agent understands: "{\\"kind\\":\\"sing\\"}"',
  ],
  [['hello'], 'standard input ended before the first order'],
  [[], 'standard input ended before the first order'],
])('%j is told, and is wrong usage', async (input, message) => {
  const fault = await faultOf(input);
  expect(fault).toBeInstanceOf(UsageError);
  expect(fault).toMatchObject({ message, hint: expect.stringContaining('--agents') });
});

test('an end of the input after orders, or a signal, is how an agent ends', async () => {
  const ping = '{"kind":"ping","sentMs":1}\n';
  expect(await faultOf([ping])).toBeUndefined();
  // A connection may be cut anywhere.
  expect(await faultOf([ping, '{"kind":"pi'])).toBeUndefined();
  const input = new PassThrough();
  const stop = new AbortController();
  const serving = serveAgent({ input, output: new PassThrough().resume(), signal: stop.signal });
  stop.abort();
  expect(await serving).toBeUndefined();
});

/** Tests of dead-end.ts: what is said fits what clients were told to speak. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import { kindOf } from '../socket/error-classes.ts';
import { deadEndOf } from './dead-end.ts';

test.each([
  ['v2', [], 'it does not speak odin.v2: an older odin is tested with --protocol v1'],
  ['v1', [], 'it does not speak odin.v1: others are tested with --protocol raw'],
  ['raw', ['nope', 'no'], 'it does not speak nope or no: name what it does with --subprotocol'],
  ['raw', [], 'it chose a subprotocol that nobody asked for: name it with --subprotocol'],
] as const)('%s with subprotocols %o: %s', async (protocol, subprotocols, hint) => {
  const name = 'upgrade-bad-subprotocol';
  const report = makeReport({ seconds: 1 });
  const end = await deadEndOf({
    ...report,
    config: { ...report.config, protocol, subprotocols: [...subprotocols] },
    connections: { ...report.connections, opened: 0, failed: 5 },
    errors: [{ class: name, ...kindOf(name), count: 5, example: 'none' }],
    verdict: 'fail',
  });
  expect(end?.hint).toMatch(hint);
});

test('who let some clients in before it cut off the others is no wrong address', async () => {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const name = 'upgrade-reset';
  const report = makeReport({ seconds: 1 });
  const endWith = (opened: number) =>
    deadEndOf({
      ...report,
      url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`,
      connections: { ...report.connections, opened, failed: 5 },
      errors: [{ class: name, ...kindOf(name), count: 5, example: 'ECONNRESET' }],
      verdict: 'fail',
    });
  try {
    expect(await endWith(1)).toBeUndefined();
    expect((await endWith(0))?.hint).toMatch('answers no HTTP');
  } finally {
    server.close();
  }
});

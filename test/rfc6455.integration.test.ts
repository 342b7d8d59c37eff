/** Conformance to RFC 6455 and RFC 7692: the cases of the Autobahn fuzzing client against odin's own port. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { neededPayloadBytes } from './support/autobahn-case.ts';
import { autobahnCases } from './support/autobahn-cases.ts';
import { deflateCases } from './support/autobahn-deflate.ts';
import { RawWebSocket } from './support/raw-websocket.ts';
import { startTestServer, type TestServer } from './support/start-server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({
    maxPayloadBytes: neededPayloadBytes,
    limits: { messageRate: 0 },
    compression: { enabled: true },
  });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

for (const [section, cases] of Object.entries(autobahnCases)) {
  describe(section, () => {
    test.each(cases)('$name', async ({ send, expect: answers }) => {
      await using client = await RawWebSocket.open(server.server.port);
      await client.send(send);
      await client.ended;
      expect(client.received).toEqual(answers);
    });
  });
}

describe('permessage-deflate', () => {
  test.each(deflateCases)('$name', async ({ offer, taken, send, expect: answers }) => {
    const headers = ['Sec-WebSocket-Protocol: odin.v2', `Sec-WebSocket-Extensions: ${offer}`];
    await using client = await RawWebSocket.open(server.server.port, ...headers);
    expect(/^Sec-WebSocket-Extensions: (.*)$/im.exec(client.head)?.[1]).toBe(taken);
    await client.send(send);
    await client.ended;
    expect(client.received).toEqual(answers);
  });
});

test('none of them left a connection behind', async () => {
  await expect.poll(() => server.metric('ws_current_connections')).toBe(0);
});

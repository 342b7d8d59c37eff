/** Tests of token-keeper.ts through a client: tokens are renewed, and replaced when they expire. */
import { expect, test } from 'vitest';
import { after, connectingClient, withFakeClock } from '../../test/support/sdk-world.ts';

withFakeClock();

/** A token that says when it expires. */
function tokenUntil(expiresMs: number): string {
  const claims = Buffer.from(JSON.stringify({ sub: 'ann', exp: expiresMs / 1_000 }));
  return `h.${claims.toString('base64url')}.s`;
}

test('an expired token is replaced once; if that one expires at once too, it is over', async () => {
  const reasons: string[] = [];
  const token = ({ reason }: { reason: string }) => `token-${reasons.push(reason)}`;
  const { net, client, expired } = await connectingClient({ token });
  expect(net.last.url).toBe('ws://odin.test/ws?token=token-1');
  net.last.accept();
  net.last.end(4501, 'token expired');
  await after();
  expect(net.last.url).toBe('ws://odin.test/ws?token=token-2');
  net.last.accept();
  net.last.end(4501, 'token expired');
  await after(60_000);
  expect(reasons).toEqual(['connect', 'expired']);
  expect([client.state, expired]).toEqual(['closed', [{ final: false }, { final: false }]]);
});

test('without another token, expiry is final', async () => {
  const { net, client, expired } = await connectingClient({ token: 'only' });
  net.last.accept();
  net.last.end(4501);
  expect([client.state, expired]).toEqual(['closed', [{ final: true }]]);
});

test('a token is renewed before it expires, and again before the next one does', async () => {
  const start = Date.now();
  let count = 0;
  const token = () => tokenUntil(start + ++count * 100_000);
  const { net } = await connectingClient({ token });
  net.last.accept();
  await after(79_999);
  expect(net.last.said).toEqual([]);
  await after(1);
  const [first] = net.last.said;
  expect(first).toMatchObject({
    type: 'refresh_token',
    data: { token: tokenUntil(start + 200_000) },
  });
  net.last.tell({ type: 'refresh_ack', id: first!.id, expires_at: start + 200_000, dropped: [] });
  await after(96_001);
  expect(net.last.said).toHaveLength(2);
});

test('a function that has no token is asked again, with back-off', async () => {
  let asked = 0;
  const token = () => {
    if (++asked < 3) throw new Error('signed out');
    return 'at last';
  };
  const { net, errors } = await connectingClient({ token });
  expect([asked, net.sockets.length]).toEqual([1, 0]);
  await after(2_000);
  expect([asked, net.sockets.length]).toEqual([3, 1]);
  expect(errors).toEqual(['TOKEN_FAILED', 'TOKEN_FAILED']);
});

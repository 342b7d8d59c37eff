import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readMessages } from '../../../test/support/frames.ts';
import { joinV1, joinV2 } from './batch.ts';
import { Channel } from './channel.ts';
import { History } from './history.ts';

const channel = new Channel('BTC.trade', 'odin.trades/0');

function framesOf(texts: readonly string[]) {
  const history = new History({ maxAgeMs: 1e9, maxBytes: 1e9 });
  return texts.map((text, n) => history.append(channel, n, 0, text, 0, 'TRADE_EXECUTED'));
}

/** Events of sizes around the limits of header lengths and batches. */
const event = fc
  .oneof(fc.nat(300), fc.integer({ min: 60_000, max: 70_000 }))
  .map((length) => `{"data":"${'é'.repeat(length / 2)}"}`);
const events = fc.array(event, { minLength: 1, maxLength: 30 });

test('v2 clients read the events of a batch, in order, in messages of at most 64 KiB', () => {
  fc.assert(
    fc.property(events, (texts) => {
      const messages = readMessages(joinV2(framesOf(texts)));
      expect(messages.flatMap((message) => message.split('\n'))).toEqual(texts);
      for (const message of messages.filter((text) => text.includes('\n'))) {
        expect(Buffer.byteLength(message)).toBeLessThanOrEqual(65_536);
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('v1 clients read one numbered event per message', () => {
  fc.assert(
    fc.property(events, fc.integer({ min: 1, max: 1e9 }), (texts, seq) => {
      const messages = readMessages(joinV1(framesOf(texts), seq));
      expect(messages).toEqual(texts.map((text, n) => `{"seq":${seq + n},${text.slice(1)}`));
    }),
    { seed: 2, numRuns: 200 },
  );
});

test('a single frame is sent as it stands in the history', () => {
  const [frame] = framesOf(['{}']);
  expect(joinV2([frame!])).toBe(frame!.bytes);
});

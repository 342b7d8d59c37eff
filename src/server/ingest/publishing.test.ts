import { expect, test } from 'vitest';
import type { Producer } from '../../broker/broker.ts';
import { Publishing } from './publishing.ts';

const text = '{"key":"BTC","type":"TRADE_EXECUTED","timestamp":1,"data":{}}';
const contentType = 'application/x-ndjson';

/** A producer whose sends end when the test says how. */
function heldProducer() {
  const sends: PromiseWithResolvers<void>[] = [];
  const producer: Producer = {
    send: () => {
      const send = Promise.withResolvers<void>();
      sends.push(send);
      return send.promise;
    },
    async [Symbol.asyncDispose]() {},
  };
  return { producer, sends };
}

test('a batch that the broker did not take is tried again, one under way is joined', async () => {
  const { producer, sends } = heldProducer();
  const publishing = new Publishing(producer, 1_000);
  const take = (batch: string) => publishing.take({ contentType, text, producer: 'p', batch });
  const [first, again] = [take('1'), take('1')];
  expect(sends).toHaveLength(1);
  sends[0]?.reject(new Error('broker is away'));
  await expect(first).rejects.toThrow('broker is away');
  await expect(again).rejects.toThrow('broker is away');
  const retried = take('1');
  sends[1]?.resolve();
  expect(await retried).toEqual({ status: 200, body: { accepted: 1 } });
});

test('a batch that failed late does not make the server forget the one after it', async () => {
  const { producer, sends } = heldProducer();
  const publishing = new Publishing(producer, 1_000);
  const take = (batch: string) => publishing.take({ contentType, text, producer: 'p', batch });
  const failing = take('1');
  const next = take('2');
  sends[0]?.reject(new Error('broker is away'));
  await expect(failing).rejects.toThrow('broker is away');
  sends[1]?.resolve();
  await next;
  expect(await take('2')).toEqual({ status: 200, body: { accepted: 1 } });
  expect(sends).toHaveLength(2);
});

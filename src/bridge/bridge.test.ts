/** Bridges between brokers of lists: records that are refused, and sources that are another one. */
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { byKey } from '../../test/support/bridge-world.ts';
import { MemoryBroker } from '../../test/support/memory-broker.ts';
import { RecordsUnfit } from '../broker/send-failures.ts';
import { Bridge } from './bridge.ts';
import { SourceChanged } from './source-changed.ts';

const topics = ['a'];

/** A source of one partition with `count` records, and a target like a stream. */
function openWorld(count: number) {
  const shape = { partitions: 1, gap: () => 0 };
  const source = new MemoryBroker('kafka', { epoch: 'S', topics, ...shape });
  const target = new MemoryBroker('nats', { epoch: 'T', topics, ...shape });
  const feed = (from: number, to: number, text = '') => {
    for (let n = from; n < to; n++) {
      source.append({ topic: 'a', key: `K${n % 7}`, value: `${text}${n}`, timestampMs: 0 });
    }
  };
  feed(0, count);
  const stop = new AbortController();
  const start = (untilCaughtUp: boolean, into = target) =>
    new Bridge({
      openSource: async () => source,
      openTarget: async () => into,
      sourceTopics: topics,
      toTopic: (topic) => topic,
      log: pino({ level: 'silent' }),
      signal: stop.signal,
      untilCaughtUp,
    });
  return { source, target, feed, start, stop };
}

test('a record that is refused while the rest of its batch arrives is left out, and all others come', async () => {
  const { source, target, start } = openWorld(300);
  const isUnfit = (value: string) => value === '150' || value === '151';
  // As a stream does: what is fit is taken, one by one.
  target.fateOf = (records) => {
    const isAnswered = !records.some(({ value }) => isUnfit(value));
    const error = new RecordsUnfit('too large');
    return { arrives: ({ value }) => !isUnfit(value), isAnswered, error };
  };
  const bridge = start(true);
  await bridge.run();
  expect(bridge.status()).toMatchObject({ carried: 298, present: 0, skipped: 2, lost: 0, lag: 0 });
  const fit = source.records.filter(({ value }) => !isUnfit(value.toString()));
  expect(byKey(target.records)).toEqual(byKey(fit));
});

test('a source that loses its end while it is carried ends the bridge, and nothing is passed over in silence', async () => {
  const { source, target, feed, start } = openWorld(100);
  const bridge = start(false);
  const running = bridge.run();
  while (target.records.length < 100) await new Promise(setImmediate);
  source.loseEnd('a', 0, 90);
  feed(90, 95, 'new');
  await expect(running).rejects.toThrow('a/0 of the source went back to 85');
  await expect(running).rejects.toBeInstanceOf(SourceChanged);
  expect(target.records).toHaveLength(100);
});

test('a source whose positions were given out again since the last run is known by its records', async () => {
  const { source, feed, start } = openWorld(100);
  await start(true).run();
  source.loseEnd('a', 0, 99);
  await expect(start(true).run()).rejects.toThrow('a/0 of the source ends at 99');
  feed(99, 120, 'new');
  await expect(start(true).run()).rejects.toThrow('another record at 99 than was carried');
});

test('what others wrote into the target before is looked through once, and not at each start', async () => {
  const { source, feed, start } = openWorld(10);
  const target = new MemoryBroker('kafka', {
    ...{ epoch: 'T', topics, partitions: 2, gap: () => 0 },
  });
  for (let n = 0; n < 20_000; n++) {
    target.append({ topic: 'a', key: `other${n}`, value: 'x', timestampMs: 0 });
  }
  const run = () => start(true, target).run();
  await run();
  expect(target.readCount).toBeGreaterThanOrEqual(20_000);
  feed(10, 20);
  target.readCount = 0;
  await run();
  expect(target.readCount).toBeLessThan(5_000);
  const carried = target.records.filter(({ key }) => !key?.startsWith('other'));
  expect(byKey(carried)).toEqual(byKey(source.records));
});

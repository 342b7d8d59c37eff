/** Sessions against brokers that crash at every point: the target equals the source all the same. */
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { byKey } from '../../test/support/bridge-world.ts';
import { MemoryBroker, type SendFate } from '../../test/support/memory-broker.ts';
import { createRandom, randomIndex } from '../base/random.ts';
import { createCounts } from './carry-counts.ts';
import { Places } from './places.ts';
import { Session } from './session.ts';

const topics = ['a', 'b'];

/** Runs a session until it has caught up; false when it crashed. */
async function carry(source: MemoryBroker, target: MemoryBroker, maxBatch: number) {
  const counts = createCounts();
  const lost: unknown[] = [];
  let failure: unknown;
  try {
    const session = await Session.open({
      source,
      target,
      producer: await target.openProducer(),
      sourceTopics: topics,
      toTopic: (topic) => `copy.${topic}`,
      counts,
      counted: new Places(),
      foundAs: 'present',
      log: pino({ level: 'silent' }),
      maxBatch,
      isUnfit: () => false,
      onLost: (range) => lost.push(range),
      onUnfit: () => {},
      signal: new AbortController().signal,
    });
    await session.run(true);
  } catch (error) {
    failure = error;
  }
  return { counts, lost, failure };
}

function worldOf(seed: number) {
  const random = createRandom(seed);
  const kind = seed % 4 === 3 ? 'nats' : 'kafka';
  const partitions = kind === 'nats' ? 1 : 1 + (seed % 5);
  const gap = () => (random.next() < 0.1 ? randomIndex(random, 3) : 0);
  const source = new MemoryBroker(kind, { epoch: 'S', topics, partitions, gap });
  const copies = topics.map((topic) => `copy.${topic}`);
  const target = new MemoryBroker('kafka', {
    ...{ epoch: 'T', topics: copies, gap },
    partitions: 1 + (seed % 3),
  });
  let made = 0;
  const feed = (count: number) => {
    for (let index = 0; index < count; index++) {
      const topic = topics[randomIndex(random, 10) === 0 ? 1 : 0] as string;
      const key = `K${randomIndex(random, 15)}`;
      source.append({ topic, key, value: `${made++}`, timestampMs: 0 });
    }
  };
  return { random, source, target, feed };
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))(
  'crashing again and again carries everything once (seed %i)',
  async (seed) => {
    const { random, source, target, feed } = worldOf(seed);
    for (let life = 0; life < 25; life++) {
      feed(randomIndex(random, 120));
      if (random.next() < 0.3) {
        // Somebody else publishes there too.
        for (let n = 0; n < 30; n++) {
          target.append({ topic: 'copy.a', key: `other${n}`, value: 'x', timestampMs: 0 });
        }
      }
      target.fateOf = ({ length }) => {
        if (random.next() < 0.7) return { arrives: () => true, isAnswered: true };
        const part = randomIndex(random, length + 1);
        const all = random.next() < 0.5;
        const arrivals: SendFate['arrives'][] = [
          () => all,
          (_, index) => index < part,
          // Some keys arrive, others do not: the order of a key is kept, and there are holes.
          ({ key }) => (key.charCodeAt(1) + part) % 3 > 0,
        ];
        return { arrives: arrivals[(seed % 5) % 3] as SendFate['arrives'], isAnswered: false };
      };
      await carry(source, target, 1 + randomIndex(random, 40));
    }
    target.fateOf = () => ({ arrives: () => true, isAnswered: true });
    expect((await carry(source, target, 50)).failure).toBeUndefined();
    const carried = target.records.filter(({ key }) => !key?.startsWith('other'));
    expect(byKey(carried, 'copy.')).toEqual(byKey(source.records));
  },
);

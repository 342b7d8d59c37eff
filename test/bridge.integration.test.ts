/** The bridge between brokers: everything once, in order, whatever happens to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import {
  byKey,
  endOf,
  Feed,
  forgetUpTo,
  limitMessages,
  liveAndDie,
  openBridgeWorld,
  openNatsToKafka,
  readAll,
} from './support/bridge-world.ts';
import { describeKafka, kafkaBrokers, testKafka } from './support/kafka.ts';
import { failure, outgoing } from './support/kafka-inbox.ts';
import { natsUrl } from './support/nats.ts';
import { spawnOdin } from './support/spawn-odin.ts';

const url = `kafka://${kafkaBrokers}`;

const ways = [
  {
    way: 'from kafka to kafka',
    open: () => openBridgeWorld(url),
    isThere: kafkaBrokers !== undefined,
  },
  {
    way: 'from nats to kafka',
    open: () => openNatsToKafka(natsUrl!, url),
    isThere: natsUrl !== undefined && kafkaBrokers !== undefined,
  },
];

describe.each(ways)('a bridge $way', ({ open, isThere }) => {
  const wayTest = test.skipIf(!isThere);

  wayTest(
    'killed ten times at random moments under load, leaves target equal to source',
    async () => {
      await using world = await open();
      await using producer = await world.source.openProducer();
      const random = createRandom(11);
      const feed = new Feed(producer, world.topics);
      let carriedLives = 0;
      let reached = 0;
      for (let life = 0; life < 10; life++) {
        await using odin = spawnOdin(world.args, world);
        const hasCarried = async () => (await endOf(world.target)) > reached;
        // On a busy machine, all others may die before they have carried anything.
        const carried = async () => await expect.poll(hasCarried).toBe(true);
        await liveAndDie(odin, life, random, life === 4 ? carried : undefined);
        const end = await endOf(world.target);
        if (end > reached) carriedLives++;
        reached = end;
      }
      await feed.stop();
      await using last = spawnOdin([...world.args, '--until-caught-up', '--json'], world);
      const { exitCode, stdout, stderr } = await last.ended;
      expect(exitCode, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ lost: 0, skipped: 0 });
      expect(carriedLives).toBeGreaterThan(0);
      const source = await readAll(world.source);
      expect(source).toHaveLength(feed.sent);
      expect(byKey(await readAll(world.target), world.prefix)).toEqual(byKey(source));
    },
  );
});

describeKafka('a bridge', () => {
  testKafka(
    'carries everything that is there, then ends, and has nothing to do again',
    async () => {
      await using world = await openBridgeWorld(url);
      await using producer = await world.source.openProducer();
      const records = Array.from({ length: 5_000 }, (_, n) =>
        outgoing(world.topics[n % 2]!, `K${n % 37}`, `{"n":${n}}`),
      );
      await producer.send(records);
      await using first = spawnOdin([...world.args, '--until-caught-up', '--json'], world);
      const { exitCode, stdout, stderr } = await first.ended;
      expect(exitCode, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ carried: 5_000, present: 0, lost: 0, lag: 0 });
      const source = await readAll(world.source);
      const target = await readAll(world.target);
      expect(byKey(target, world.prefix)).toEqual(byKey(source));
      expect(target.map(({ timestampMs }) => timestampMs).toSorted()).toEqual(
        source.map(({ timestampMs }) => timestampMs).toSorted(),
      );
      await using again = spawnOdin([...world.args, '--until-caught-up', '--json'], world);
      const second = await again.ended;
      expect(JSON.parse(second.stdout)).toMatchObject({ carried: 0, lost: 0, lag: 0 });
      expect(await readAll(world.target)).toHaveLength(5_000);
    },
  );

  testKafka(
    'goes on with live records until it is told to stop, and says where it stands',
    async () => {
      await using world = await openBridgeWorld(url);
      await using producer = await world.source.openProducer();
      await using odin = spawnOdin([...world.args, '--json'], world);
      await odin.line(/"msg":"carrying"/);
      await producer.send([outgoing(world.topics[0]!, 'BTC', '{"n":1}')]);
      while ((await endOf(world.target)) === 0) await sleep(50);
      odin.child.kill('SIGINT');
      const { exitCode, stdout } = await odin.ended;
      expect(exitCode).toBe(0);
      const partition = await world.source.partitionOf(world.topics[0]!, 'BTC');
      expect(JSON.parse(stdout)).toMatchObject({
        carried: 1,
        positions: [{ lane: world.topics[0], partition, next: 1 }],
      });
    },
  );

  testKafka('among records of others finds its own, and leaves theirs alone', async () => {
    await using world = await openBridgeWorld(url, 2, 2);
    await using producer = await world.source.openProducer();
    await using other = await world.target.openProducer();
    const run = async () => {
      await using odin = spawnOdin([...world.args, '--until-caught-up', '--json'], world);
      return JSON.parse((await odin.ended).stdout) as { carried: number };
    };
    const [topic] = world.topics as [string, string];
    await producer.send(Array.from({ length: 20 }, (_, n) => outgoing(topic, `K${n}`, `a${n}`)));
    expect(await run()).toMatchObject({ carried: 20 });
    const theirs = Array.from({ length: 3_000 }, (_, n) =>
      outgoing(`${world.prefix}${topic}`, `K${n % 20}`, `theirs ${n}`),
    );
    await other.send(theirs);
    await producer.send([outgoing(topic, 'K1', 'a20')]);
    expect(await run()).toMatchObject({ carried: 1 });
    expect(await readAll(world.target)).toHaveLength(3_021);
  });

  testKafka('started a second time takes over from the first, which ends', async () => {
    await using world = await openBridgeWorld(url);
    await using producer = await world.source.openProducer();
    await using first = spawnOdin(world.args, world);
    await first.line(/"msg":"carrying"/);
    await using second = spawnOdin(world.args, world);
    await second.line(/"msg":"carrying"/);
    await producer.send([outgoing(world.topics[0]!, 'BTC', '{"n":1}')]);
    const { exitCode, stderr } = await first.ended;
    expect(stderr).toMatch(
      /error: another bridge carries the same .*: it took over\nhint: both are odin-bridge-/,
    );
    expect(exitCode).toBe(4);
    while ((await endOf(world.target)) === 0) await sleep(50);
    second.child.kill('SIGTERM');
    await second.ended;
    expect((await readAll(world.target)).map(({ key }) => key)).toEqual(['BTC']);
  });

  testKafka(
    'leaves out and counts what the target does not take, and carries the rest',
    async () => {
      await using world = await openBridgeWorld(url, 1, 1);
      await using producer = await world.source.openProducer();
      const [topic, other] = world.topics as [string, string];
      const values = Array.from({ length: 300 }, (_, n) =>
        n === 150 ? 'x'.repeat(900_000) : `${n}`,
      );
      for (const value of values) await producer.send([outgoing(topic, 'BTC', value)]);
      await producer.send([outgoing(other, 'BTC', 'last')]);
      await limitMessages(kafkaBrokers!, `${world.prefix}${topic}`, 100_000);
      await using odin = spawnOdin([...world.args, '--until-caught-up', '--json'], {
        env: { ...world.env, KAFKA_COMPRESSION: 'none' },
      });
      const { exitCode, stdout, stderr } = await odin.ended;
      expect(exitCode, stderr).toBe(6);
      expect(JSON.parse(stdout)).toMatchObject({ carried: 300, skipped: 1 });
      const carried = await readAll(world.target);
      expect(
        carried.filter(({ topic: of }) => of.endsWith(topic)).map(({ value }) => `${value}`),
      ).toEqual(values.filter((value) => value.length < 10));
    },
  );

  testKafka('says what the source no longer has, and ends with 6', async () => {
    await using world = await openBridgeWorld(url, 1, 1);
    await using producer = await world.source.openProducer();
    const [topic] = world.topics as [string, string];
    const run = async () => {
      await using odin = spawnOdin([...world.args, '--until-caught-up', '--json'], world);
      return await odin.ended;
    };
    await producer.send([outgoing(topic, 'BTC', '0')]);
    expect((await run()).exitCode).toBe(0);
    for (let n = 1; n < 10; n++) await producer.send([outgoing(topic, 'BTC', `${n}`)]);
    await forgetUpTo(kafkaBrokers!, topic, 6);
    const { exitCode, stdout, stderr } = await run();
    expect(exitCode).toBe(6);
    expect(JSON.parse(stdout)).toMatchObject({ carried: 4, lost: 5 });
    expect(stderr).toMatch(/"from":1,"to":5,"msg":"gone from the source, not carried"/);
  });
});

testKafka(
  'an exclusive producer is barred by the next one of its name, in the middle of a run',
  async () => {
    await using world = await openBridgeWorld(url);
    const [topic] = world.topics as [string, string];
    const exclusiveAs = `test-${topic}`;
    await using first = await world.source.openProducer({ exclusiveAs });
    await first.send([outgoing(topic, 'BTC', '1')]);
    await using second = await world.source.openProducer({ exclusiveAs });
    expect((await failure(first.send([outgoing(topic, 'BTC', '2')]))).message).toMatch(/took over/);
    await second.send([outgoing(topic, 'BTC', '3')]);
    expect((await failure(first.send([outgoing(topic, 'BTC', '4')]))).message).toMatch(/took over/);
    expect((await readAll(world.source)).map(({ value }) => value.toString())).toEqual(['1', '3']);
  },
);

test.each([
  [['--to', 'kafka://127.0.0.1:1'], /--from is missing/],
  [['--from', 'embedded', '--to', 'kafka://127.0.0.1:1'], /the embedded broker lives in/],
  [
    ['--from', 'nats://me:hunter2@h:4222', '--to', 'kafka://h:1'],
    /^(?!.*hunter2).*not a broker: "nats:\/\/…@h:4222"/s,
  ],
  [['--from', 'kafka://127.0.0.1:1', '--to', 'rabbit://x'], /--to: not a broker: "rabbit/],
  [['--from', 'kafka://a:1', '--to', 'nats://b:2', '--to-prefix', 'x.'], /--to-prefix: cannot put/],
])('odin bridge %j is refused with 2', async (args, message) => {
  await using odin = spawnOdin(['bridge', ...args]);
  const { exitCode, stderr } = await odin.ended;
  expect(stderr).toMatch(message);
  expect(exitCode).toBe(2);
});

testKafka('a bridge from topics to themselves is refused', async () => {
  await using world = await openBridgeWorld(url);
  await using odin = spawnOdin(['bridge', '--from', url, '--to', url], world);
  const { exitCode, stderr } = await odin.ended;
  expect(stderr).toMatch(/are the same broker and share bridge-/);
  expect(exitCode).toBe(2);
});

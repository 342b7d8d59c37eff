/** The bridge while brokers go away, and from Kafka back to NATS, with a Kafka that is theirs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import {
  byKey,
  endOf,
  Feed,
  liveAndDie,
  openKafkaToNats,
  openNatsToKafka,
  readAll,
} from './support/bridge-world.ts';
import { kafkaBrokers, ownKafka } from './support/kafka.ts';
import { natsUrl } from './support/nats.ts';
import { spawnOdin } from './support/spawn-odin.ts';

const areThere = kafkaBrokers !== undefined && natsUrl !== undefined;

describe.skipIf(!areThere)('a bridge', () => {
  const kafka = ownKafka();

  test('whose target crashes under load starts over, ends when told to, and loses and doubles nothing', async () => {
    await using world = await openNatsToKafka(natsUrl!, kafka.url);
    await using producer = await world.source.openProducer();
    await using odin = spawnOdin(world.args, world);
    await odin.line(/"msg":"carrying"/);
    const feed = new Feed(producer, world.topics);
    await expect.poll(() => endOf(world.target)).toBeGreaterThan(0);
    await kafka.stop('SIGKILL');
    await odin.line(/"msg":"carrying failed, starting over"/);
    await kafka.start();
    await odin.line(/"msg":"carrying"/, 2);
    await kafka.stop('SIGKILL');
    // What is under way has to find nobody.
    await sleep(500);
    // The target is away: it is not waited for.
    odin.child.kill('SIGINT');
    const stopped = await odin.ended;
    expect(stopped.exitCode, stopped.stderr).toBe(0);
    await kafka.start();
    await feed.stop();
    await using last = spawnOdin([...world.args, '--until-caught-up', '--json'], world);
    const { exitCode, stdout, stderr } = await last.ended;
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ lost: 0, skipped: 0 });
    const source = await readAll(world.source);
    expect(source).toHaveLength(feed.sent);
    // The clients of before the crashes may not know yet that the broker is back.
    await using fresh = await world.reopenTarget();
    expect(byKey(await readAll(fresh), world.prefix)).toEqual(byKey(source));
  });

  test('from Kafka to NATS, killed again and again, leaves target equal to source', async () => {
    await using world = await openKafkaToNats(kafka.url, natsUrl!);
    await using producer = await world.source.openProducer();
    const random = createRandom(5);
    const feed = new Feed(producer, world.topics);
    for (let life = 0; life < 6; life++) {
      await using odin = spawnOdin(world.args, world);
      await liveAndDie(odin, life, random);
    }
    await feed.stop();
    await using last = spawnOdin([...world.args, '--until-caught-up', '--json'], world);
    const { exitCode, stdout, stderr } = await last.ended;
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ lost: 0, skipped: 0 });
    const source = await readAll(world.source);
    expect(source).toHaveLength(feed.sent);
    expect(byKey(await readAll(world.target))).toEqual(byKey(source));
  });
});

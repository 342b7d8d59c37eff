/** The bridge between servers of NATS: told to stop, refused a record, and a source that lost its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { byKey, Feed, openNatsToNats, readAll } from './support/bridge-world.ts';
import { outgoing } from './support/kafka-inbox.ts';
import { describeNats, natsAdmin, natsUrl, startNats } from './support/nats.ts';
import { spawnOdin } from './support/spawn-odin.ts';

describeNats('a bridge into a stream', () => {
  test('ends at the first Ctrl-C, also while the target is away, and finds out later', async () => {
    await using nats = await startNats();
    await using world = await openNatsToNats(natsUrl!, nats.url);
    await using producer = await world.source.openProducer();
    await using odin = spawnOdin(world.args, world);
    await odin.line(/"msg":"carrying"/);
    const feed = new Feed(producer, world.topics);
    while ((await world.target.bounds())[0]!.high < 200) await sleep(20);
    await nats.stop('SIGKILL');
    await odin.line(/connection to NATS lost/);
    while (feed.sent < 2_000) await sleep(20);
    odin.child.kill('SIGINT');
    // Without that it would wait for the duplicate window of the stream: two minutes.
    const { exitCode, stderr } = await odin.ended;
    expect(stderr).toContain('the target did not answer in time: the next run finds out');
    expect(exitCode).toBe(0);
    await feed.stop();
    await nats.start();
    await using last = spawnOdin([...world.args, '--until-caught-up', '--json'], world);
    expect((await last.ended).exitCode).toBe(0);
    await using fresh = await world.reopenTarget();
    expect(byKey(await readAll(fresh))).toEqual(byKey(await readAll(world.source)));
  });

  test('started a second time takes over from the first, which ends, in the middle of a load', async () => {
    await using nats = await startNats();
    await using world = await openNatsToNats(natsUrl!, nats.url);
    await using producer = await world.source.openProducer();
    await using first = spawnOdin(world.args, world);
    await first.line(/"msg":"carrying"/);
    const feed = new Feed(producer, world.topics);
    while ((await world.target.bounds())[0]!.high < 200) await sleep(20);
    await using second = spawnOdin(world.args, world);
    const { exitCode, stderr } = await first.ended;
    expect(stderr).toMatch(
      /error: another bridge \(bridge-\S+, since 2\S+\) carries the same .*: it took over\nhint: both are odin-bridge-/,
    );
    expect(exitCode).toBe(4);
    await second.line(/"msg":"carrying"/);
    await feed.stop();
    while ((await world.target.bounds())[0]!.high <= feed.sent) await sleep(20);
    second.child.kill('SIGINT');
    expect((await second.ended).exitCode).toBe(0);
    expect(byKey(await readAll(world.target))).toEqual(byKey(await readAll(world.source)));
  });

  test('leaves out a record that the stream refuses, and carries those that came with it', async () => {
    await using nats = await startNats();
    await using world = await openNatsToNats(natsUrl!, nats.url);
    await using producer = await world.source.openProducer();
    const records = Array.from({ length: 400 }, (_, n) =>
      outgoing(world.topics[0], `K${n % 31}`, n === 200 ? 'x'.repeat(5_000) : `${n}`),
    );
    await producer.send(records);
    await using admin = await natsAdmin(nats.url);
    await admin.manager.streams.update(world.env['JS_STREAM_NAME']!, { max_msg_size: 4_000 });
    await using odin = spawnOdin([...world.args, '--until-caught-up', '--json'], world);
    const { exitCode, stdout, stderr } = await odin.ended;
    expect(exitCode, stderr).toBe(6);
    expect(JSON.parse(stdout)).toMatchObject({ carried: 399, present: 0, skipped: 1, lag: 0 });
    const fit = (await readAll(world.source)).filter(({ value }) => value.length < 5_000);
    expect(byKey(await readAll(world.target))).toEqual(byKey(fit));
  });

  test('ends when its source lost its end, instead of passing its new records over', async () => {
    await using nats = await startNats();
    await using world = await openNatsToNats(nats.url, natsUrl!);
    const send = async (from: number, to: number, text: string) => {
      // The world's own connection may not know yet that the server is back.
      await using source = await world.reopenSource();
      await using producer = await source.openProducer();
      for (let n = from; n < to; n++)
        await producer.send([outgoing(world.topics[0], 'BTC', `${text}${n}`)]);
    };
    await send(0, 20, 'old');
    await nats.stop();
    const restore = await nats.keepData();
    await nats.start();
    await using odin = spawnOdin(world.args, world);
    await odin.line(/"msg":"carrying"/);
    await send(20, 40, 'old');
    while ((await world.target.bounds())[0]!.high <= 40) await sleep(20);
    await nats.stop('SIGKILL');
    await restore();
    await nats.start();
    await send(20, 30, 'new');
    const { exitCode, stderr } = await odin.ended;
    expect(stderr).toMatch(/odin\.trades\/0 of the source (went back to \d+|ends at)/);
    expect(exitCode).toBe(4);
    // Whoever starts it again is told, too, also when the source has grown beyond that.
    await send(30, 60, 'new');
    await using again = spawnOdin(world.args, world);
    const second = await again.ended;
    expect(second.stderr).toContain('another record at');
    expect(second.exitCode).toBe(4);
    expect(await readAll(world.target)).toHaveLength(40);
  });
});

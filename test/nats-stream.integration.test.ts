/** What becomes of a stream of NATS: made, made anew, deleted, with holes; and what it is left with. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Broker } from '../src/broker/broker.ts';
import { consumeInto, failure, Inbox, openQuietly, outgoing } from './support/kafka-inbox.ts';
import { describeNats, natsAdmin, startNats, type TestNats } from './support/nats.ts';
import { openWithStream, readFrom } from './support/nats-stream.ts';

describeNats('a stream', () => {
  async function withNats(work: (nats: TestNats, broker: Broker) => Promise<void>): Promise<void> {
    await using nats = await startNats();
    await using broker = await openWithStream(nats.url);
    await work(nats, broker);
  }

  test('that is missing is named, with the command that makes it', async () => {
    await using nats = await startNats();
    await using broker = await openQuietly({ url: nats.url }, 'missing');
    expect(await broker.listTopics()).toEqual([]);
    for (const work of [() => consumeInto(broker, new Inbox()), () => broker.openProducer()]) {
      const error = await failure(work());
      expect(error.message).toBe(`stream ODIN_TOKENS does not exist on ${nats.url}`);
      expect(error.hint).toBe(`odin topics create --broker ${nats.url}`);
    }
  });

  test('made anew ends the reading and says so: its positions mean other records', async () => {
    await withNats(async (nats, broker) => {
      const inbox = new Inbox();
      await using consumption = await consumeInto(broker, inbox);
      await using producer = await broker.openProducer();
      for (let n = 0; n < 10; n++) await producer.send([outgoing('odin.trades', 'BTC', `${n}`)]);
      await inbox.untilCount(10);
      await using admin = await natsAdmin(nats.url);
      const { config } = await admin.manager.streams.info('ODIN_TOKENS');
      await admin.manager.streams.delete('ODIN_TOKENS');
      await admin.manager.streams.add(config);
      await producer.send([outgoing('odin.trades', 'BTC', 'new')]);
      while (consumption.state().connected) await sleep(20);
      while (!consumption.state().lastError?.includes('was made anew')) await sleep(20);
      expect(consumption.state().lastError).toContain('restart odin');
      expect((await failure(readFrom(broker, 0))).message).toContain('was made anew');
      expect(inbox.records).toHaveLength(10);
      await using fresh = await openQuietly({ url: nats.url }, 'fresh');
      expect(fresh.epoch).not.toBe(broker.epoch);
      expect((await readFrom(fresh, 0)).records.map(({ value }) => value.toString())).toEqual([
        'new',
      ]);
    });
  });

  test('that is deleted is missed: reading says so, sending fails', async () => {
    await withNats(async (nats, broker) => {
      await using consumption = await consumeInto(broker, new Inbox());
      await using producer = await broker.openProducer();
      await using admin = await natsAdmin(nats.url);
      await admin.manager.streams.delete('ODIN_TOKENS');
      const error = await failure(producer.send([outgoing('odin.trades', 'BTC', 'x')]));
      expect(error.message).toContain('stream ODIN_TOKENS does not exist');
      while (consumption.state().connected) await sleep(20);
      while (!consumption.state().lastError?.includes('does not exist')) await sleep(20);
    });
  });

  test('whose records were taken out one by one tells the holes', async () => {
    await withNats(async (nats, broker) => {
      await using producer = await broker.openProducer();
      for (let n = 1; n <= 20; n++) await producer.send([outgoing('odin.trades', 'BTC', `${n}`)]);
      await using admin = await natsAdmin(nats.url);
      for (const sequence of [4, 5, 9]) {
        await admin.manager.streams.deleteMessage('ODIN_TOKENS', sequence);
      }
      const inbox = new Inbox();
      await using consumption = await consumeInto(broker, inbox, { lookbackMs: 60_000 });
      await consumption.caughtUp;
      expect(inbox.lost).toEqual([
        { topic: undefined, partition: 0, from: 4, to: 5 },
        { topic: undefined, partition: 0, from: 9, to: 9 },
      ]);
      expect(inbox.values).toHaveLength(17);
      expect((await readFrom(broker, 6, 9)).complete).toBe(true);
      expect((await readFrom(broker, 3, 5)).complete).toBe(false);
      expect((await readFrom(broker, 9, 30)).complete).toBe(false);
      expect((await readFrom(broker, 10, 30)).complete).toBe(true);
    });
  });

  test('whose age ran out while it was paused tells what is gone, also when nothing follows', async () => {
    await using nats = await startNats();
    await using broker = await openWithStream(nats.url, { streamMaxAgeMs: '1s' });
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    await producer.send([outgoing('odin.trades', 'BTC', '1')]);
    await inbox.untilCount(1);
    consumption.pause();
    // Its age runs out; nothing says when.
    await sleep(1_500);
    for (let n = 2; n <= 9; n++) await producer.send([outgoing('odin.trades', 'BTC', `${n}`)]);
    await using admin = await natsAdmin(nats.url);
    while ((await admin.manager.streams.info('ODIN_TOKENS')).state.messages > 0) await sleep(50);
    consumption.resume();
    await inbox.until(() => inbox.lost.length > 0);
    expect(inbox.lost).toEqual([{ topic: undefined, partition: 0, from: 2, to: 9 }]);
    await producer.send([outgoing('odin.trades', 'BTC', '10')]);
    await inbox.untilCount(2);
    expect(inbox.records.map(({ offset }) => offset)).toEqual([1, 10]);
    expect(inbox.lost).toHaveLength(1);
  });

  test('is left without any consumer', async () => {
    await withNats(async (nats, broker) => {
      await using producer = await broker.openProducer();
      await producer.send([outgoing('odin.trades', 'BTC', 'x')]);
      const inbox = new Inbox();
      const consumption = await consumeInto(broker, inbox, { lookbackMs: 60_000 });
      await inbox.untilCount(1);
      await using admin = await natsAdmin(nats.url);
      const consumers = async () =>
        (await admin.manager.streams.info('ODIN_TOKENS')).state.consumer_count;
      expect(await consumers()).toBe(1);
      await readFrom(broker, 0);
      expect(await consumers()).toBe(1);
      await consumption[Symbol.asyncDispose]();
      expect(await consumers()).toBe(0);
    });
  });

  test('takes what other publishers send: aliases, global channels, and what odin does not know', async () => {
    await withNats(async (nats, broker) => {
      const inbox = new Inbox();
      await using _ = await consumeInto(broker, inbox);
      await using admin = await natsAdmin(nats.url);
      const startMs = Date.now();
      for (const subject of ['token.BTC.favorites', 'global.trending', 'token.batch.update']) {
        admin.connection.publish(`odin.${subject}`, '{}');
      }
      await inbox.untilCount(3);
      expect(inbox.records.map(({ topic, key }) => [topic, key])).toEqual([
        ['odin.community', 'BTC'],
        ['odin.analytics', 'global.trending'],
        ['odin.token.batch.update', 'odin.token.batch.update'],
      ]);
      for (const { timestampMs } of inbox.records) {
        expect(Math.abs(timestampMs - startMs)).toBeLessThan(60_000);
      }
      const community = await readFrom(broker, 0, 100, 'odin.community');
      expect([community.records.length, community.complete]).toEqual([1, true]);
    });
  });
});

describeNats('making the stream', () => {
  test('is done once, as asked for; differences are told, and mended when that is asked for', async () => {
    await using nats = await startNats();
    await using broker = await openQuietly({ url: nats.url }, 'create');
    expect((await broker.createTopics([]))[0]).toMatchObject({ outcome: 'created' });
    expect((await broker.createTopics([]))[0]).toMatchObject({ outcome: 'exists' });
    expect(await broker.listTopics()).toEqual([
      {
        topic: 'ODIN_TOKENS',
        partitions: 1,
        replicationFactor: 1,
        retentionMs: 30_000,
        stream: {
          maxRecords: 100_000,
          maxBytes: 50 * 1024 * 1024,
          storage: 'file',
          subjects: ['odin.token.>', 'odin.global.>'],
        },
      },
    ]);
    const given = { streamMaxAgeMs: '1m', streamMaxMessages: 5 };
    await using other = await openQuietly({ url: nats.url, nats: given }, 'create');
    const differences = [
      'max age: 30s, wanted 1m',
      'max messages: 100 000, wanted 5',
      'duplicate window: 30s, wanted 1m',
    ];
    expect((await other.createTopics([]))[0]).toMatchObject({ outcome: 'differs', differences });
    expect(broker.differences).toEqual([]);
    expect(other.differences).toEqual([
      `stream ODIN_TOKENS is not as the settings ask: ${differences.join('; ')}`,
    ]);
    const [changed] = await other.createTopics([], { change: true });
    expect(changed).toMatchObject({ outcome: 'changed', differences });
    expect(other.differences).toEqual([]);
    expect((await other.createTopics([]))[0]).toMatchObject({ outcome: 'exists' });
    await using memory = await openQuietly(
      { url: nats.url, nats: { ...given, storage: 'memory' } },
      'create',
    );
    const [fixed] = await memory.createTopics([], { change: true });
    expect(fixed).toMatchObject({
      outcome: 'differs',
      differences: ['storage: file, wanted memory'],
    });
  });

  test('is refused where another stream has the subjects, and where a cluster would be needed', async () => {
    await using nats = await startNats();
    await using broker = await openQuietly({ url: nats.url }, 'create');
    await broker.createTopics([]);
    await using twin = await openQuietly({ url: nats.url, nats: { stream: 'TWIN' } }, 'create');
    const error = await failure(twin.createTopics([]));
    expect(error.message).toContain('holds the subjects of TWIN already');
    expect(error.hint).toContain('--nats-subject-prefix');
    const given = { stream: 'WIDE', subjectPrefix: 'wide', streamReplicas: 3 };
    await using wide = await openQuietly({ url: nats.url, nats: given }, 'create');
    expect((await failure(wide.createTopics([]))).message).toContain('replicas');
  });
});

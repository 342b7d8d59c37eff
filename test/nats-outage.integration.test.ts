/** What happens to a NATS server that the test can stop: outages, goodbyes, and lost data. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Broker } from '../src/broker/broker.ts';
import { consumeInto, failure, Inbox, openQuietly, outgoing } from './support/kafka-inbox.ts';
import { describeNats, natsAdmin, startNats, type TestNats } from './support/nats.ts';

/** Longer than the tests take: what they lose is not lost to retention. */
const lasting = { streamMaxAgeMs: '5m' };

async function openWithStream(url: string, nats: object = lasting): Promise<Broker> {
  const broker = await openQuietly({ url, nats }, 'outage');
  await broker.createTopics([]);
  return broker;
}

/** Publishes to 20 subjects, one event each 2 ms, until told to stop. */
function startPublishing(producer: Awaited<ReturnType<Broker['openProducer']>>) {
  const sends: Promise<void>[] = [];
  const stop = new AbortController();
  const publishing = (async () => {
    while (!stop.signal.aborted) {
      const n = sends.length;
      sends.push(producer.send([outgoing('odin.trades', `K${n % 20}`, `${n}`)]));
      await sleep(2);
    }
  })();
  return {
    sends,
    async finish() {
      stop.abort();
      await publishing;
      await Promise.all(sends);
      return sends.length;
    },
  };
}

/** Nothing lost, nothing twice, and the order of each key kept. */
function expectAll(inbox: Inbox, count: number): void {
  expect(inbox.records).toHaveLength(count);
  expect(new Set(inbox.values).size).toBe(count);
  for (let key = 0; key < 20; key++) {
    const numbers = inbox.records
      .filter((record) => record.key === `K${key}`)
      .map(({ value }) => Number(value.toString()));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  }
  expect(inbox.lost).toEqual([]);
}

describeNats('a server of its own', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`that is away for 6 s (${signal}) costs no record and doubles none`, async () => {
      await using nats = await startNats();
      await using broker = await openWithStream(nats.url);
      const [first, second] = [new Inbox(), new Inbox()];
      await using consumption = await consumeInto(broker, first);
      await using _second = await consumeInto(broker, second);
      await using producer = await broker.openProducer();
      const load = startPublishing(producer);
      await first.untilCount(500);
      await nats.stop(signal);
      const stoppedMs = performance.now();
      while (consumption.state().connected) await sleep(10);
      expect(performance.now() - stoppedMs).toBeLessThan(10_000);
      // Longer than the connection is tried without a pause, as the title says.
      await sleep(6_000);
      expect(consumption.state().connected).toBe(false);
      expect(consumption.state().lastError).toBeTypeOf('string');
      await nats.start();
      const before = first.records.length;
      await first.untilCount(before + 3_000);
      const count = await load.finish();
      await Promise.all([first, second].map((inbox) => inbox.untilCount(count)));
      await first.untilLevel(producer, ['odin.trades'], ['K0']);
      await second.until(() => second.records.length > count);
      second.records.pop();
      expectAll(first, count);
      expectAll(second, count);
      expect(consumption.state()).toEqual({
        connected: true,
        paused: false,
        lagRecords: 0,
        lastError: undefined,
      });
    });
  }

  test('that is killed again and again under load costs no record and doubles none', async () => {
    await using nats = await startNats();
    await using broker = await openWithStream(nats.url);
    const inbox = new Inbox();
    await using _ = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    const load = startPublishing(producer);
    for (let round = 0; round < 5; round++) {
      await inbox.untilCount(inbox.records.length + 300);
      await nats.stop('SIGKILL');
      await nats.start();
    }
    const count = await load.finish();
    await inbox.untilLevel(producer, ['odin.trades'], ['K0']);
    expectAll(inbox, count);
  });

  test('that retires one day is left, and found again', async () => {
    await using nats = await startNats();
    await using broker = await openWithStream(nats.url);
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    const load = startPublishing(producer);
    await inbox.untilCount(200);
    nats.retire();
    while (consumption.state().connected) await sleep(20);
    await nats.stop('SIGKILL');
    await nats.start();
    await inbox.untilCount(inbox.records.length + 200);
    const count = await load.finish();
    await inbox.untilCount(count);
    expectAll(inbox, count);
    expect(broker.troubles.get('lame_duck')).toBe(1);
    expect(broker.troubles.get('disconnect')).toBeGreaterThan(0);
  });

  test('that is gone does not hold up the end', async () => {
    await using nats = await startNats();
    const broker = await openWithStream(nats.url);
    await consumeInto(broker, new Inbox());
    const producer = await broker.openProducer();
    await nats.stop('SIGKILL');
    const sending = failure(producer.send([outgoing('odin.trades', 'BTC', 'x')]));
    const startMs = performance.now();
    await broker[Symbol.asyncDispose]();
    expect(performance.now() - startMs).toBeLessThan(20_000);
    expect((await sending).message).toContain('closed before the broker answered');
  });

  test('gone for longer than its stream remembers: open sends fail, and say why', async () => {
    await using nats = await startNats();
    await using broker = await openWithStream(nats.url, { streamMaxAgeMs: '3s' });
    await using producer = await broker.openProducer();
    // Stopped, it neither answers nor closes the connection.
    await nats.freeze();
    const sending = failure(producer.send([outgoing('odin.trades', 'BTC', 'x')]));
    const error = await sending;
    expect(error.message).toContain('no answer within the duplicate window of the stream');
    nats.thaw();
  });

  test('that cannot be read back from is named, and can be when it is there again', async () => {
    await using nats = await startNats();
    await using broker = await openWithStream(nats.url);
    await using producer = await broker.openProducer();
    for (let n = 0; n < 5; n++) await producer.send([outgoing('odin.trades', 'BTC', `${n}`)]);
    const readAll = () => readFrom(broker, 0);
    expect((await readAll()).records).toHaveLength(5);
    await nats.stop('SIGKILL');
    const startMs = performance.now();
    const error = await failure(readAll());
    expect(error.message).toContain('reading odin.trades again failed');
    expect(performance.now() - startMs).toBeLessThan(25_000);
    await nats.start();
    const again = () =>
      readAll().then(
        ({ records, complete }) => [records.length, complete],
        () => undefined,
      );
    await expect.poll(again).toEqual([5, true]);
  });
});

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

async function readFrom(broker: Broker, from: number, to = 1_000, topic = 'odin.trades') {
  const limits = { maxRecords: 1_000, maxBytes: 1_000_000, signal: AbortSignal.timeout(30_000) };
  return await broker.readBack({ topic, partition: 0, from, to, ...limits });
}

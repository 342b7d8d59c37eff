/** `odin topics`: creating, changing and watching, on brokers of their own. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { categoryFacts } from '../src/events/categories.ts';
import { kafkaAdmin, kafkaBrokers, ownKafka } from './support/kafka.ts';
import { openQuietly, outgoing } from './support/kafka-inbox.ts';
import { natsUrl, ownStream } from './support/nats.ts';
import { spawnOdin } from './support/spawn-odin.ts';
import { record, startTestServer } from './support/start-server.ts';

async function run(args: readonly string[], env: Record<string, string> = {}) {
  await using odin = spawnOdin(args, { env });
  return await odin.ended;
}

describe.skipIf(kafkaBrokers === undefined)('topics on Kafka', () => {
  const kafka = ownKafka();

  test('that differ are shown with what a change means, changed with --yes, and then as wanted', async () => {
    await using admin = await kafkaAdmin(kafka.brokers);
    const configEntries = [
      { name: 'retention.ms', value: '5000' },
      { name: 'max.message.bytes', value: '777777' },
    ];
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        { topic: 'odin.trades', numPartitions: 6, configEntries },
        { topic: 'odin.social', numPartitions: 14, configEntries: [] },
      ],
    });
    const create = ['topics', 'create', '--broker', kafka.url];
    const first = await run(create);
    expect(first.exitCode).toBe(10);
    expect(first.stdout).toMatch(
      /odin\.trades +differs +partitions: 6, wanted 12; retention: 5s, wanted 30s/,
    );
    expect(first.stdout).toMatch(/odin\.balances +created/);
    expect(first.stderr).toMatch(/note: odin\.trades: more partitions move most tokens/);
    expect(first.stderr).toMatch(/note: odin\.social: Kafka cannot take partitions away/);
    expect(first.stderr).toMatch(/hint: --yes changes/);
    const second = await run([...create, '--yes', '--json']);
    const outcomes = JSON.parse(second.stdout).topics as { topic: string; outcome: string }[];
    expect(outcomes.find(({ topic }) => topic === 'odin.trades')).toMatchObject({
      outcome: 'changed',
      differences: ['partitions: 6, wanted 12', 'retention: 5s, wanted 30s'],
    });
    expect(outcomes.find(({ topic }) => topic === 'odin.social')).toMatchObject({
      outcome: 'differs',
      differences: ['partitions: 14, wanted 12'],
    });
    expect(second.exitCode).toBe(10);
    // Nothing is left that --yes could do.
    expect((await run(create)).stderr).not.toContain('--yes');
    const listed = await run(['topics', 'list', '--broker', kafka.url]);
    expect(listed.stdout).toMatch(/odin\.trades +12 +1 +30s/);
    // What kafkajs sends replaces all settings of a topic: those of others must still be there.
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [
        { type: 2, name: 'odin.trades', configNames: ['max.message.bytes', 'segment.ms'] },
      ],
    });
    const values = resources[0]!.configEntries.map(({ configName, configValue }) => [
      configName,
      configValue,
    ]);
    expect(Object.fromEntries(values)).toEqual({
      'max.message.bytes': '777777',
      'segment.ms': '10000',
    });
    await admin.deleteTopics({ topics: ['odin.social'] });
    await run(create);
    const again = await run([...create, '--yes']);
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toBe('');
    expect(again.stdout.match(/exists/g)).toHaveLength(8);
  });

  test('of a copy are told and made with its prefix, and others are nothing that odin makes', async () => {
    const bridge = ['bridge', '--from', kafka.url, '--to', kafka.url, '--to-prefix', 'copy.'];
    await run(['topics', 'create', '--broker', kafka.url]);
    const missing = await run(bridge);
    expect(missing.exitCode).toBe(4);
    expect(missing.stderr).toMatch(/hint: odin topics create --broker \S+ --prefix copy\.\n$/);
    const created = await run(['topics', 'create', '--broker', kafka.url, '--prefix', 'copy.']);
    expect(created.stdout).toMatch(/copy\.odin\.trades +created/);
    expect((await run([...bridge, '--until-caught-up'])).exitCode).toBe(0);
    const other = await run([
      'serve',
      '--port',
      '0',
      '--broker',
      kafka.url,
      '--kafka-topics',
      'mine',
    ]);
    expect(other.stderr).toMatch(/topic mine does not exist .*\nhint: .*--kafka-topics/);
  });

  test('are watched from a while ago on, by wildcards, and nothing stays behind', async () => {
    await run(['topics', 'create', '--broker', kafka.url]);
    await using broker = await openQuietly({ url: kafka.url }, 'topics-test');
    await using producer = await broker.openProducer();
    const event = (type: string, n: number) => JSON.stringify({ type, timestamp: n, data: { n } });
    await producer.send([
      outgoing('odin.trades', 'BTC', event('TRADE_EXECUTED', 1)),
      outgoing('odin.trades', 'ETH', event('TRADE_EXECUTED', 2)),
      outgoing('odin.metadata', 'ETH', event('METADATA_UPDATED', 3)),
      outgoing('odin.analytics', 'global.trending', event('TRENDING_UPDATED', 4)),
      outgoing('odin.analytics', 'SOL', 'no event'),
    ]);
    const tail = async (...args: string[]) => {
      const { exitCode, stdout, stderr } = await run([
        ...['topics', 'tail', '--broker', kafka.url, '--since', '1m', '--json'],
        ...args,
      ]);
      expect(exitCode, stderr).toBe(0);
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    };
    const numbers = (lines: { timestamp: number }[]) =>
      lines.map(({ timestamp }) => timestamp).toSorted();
    expect(numbers(await tail('*.trade', '--limit', '2'))).toEqual([1, 2]);
    expect(numbers(await tail('ETH.*', '--limit', '2'))).toEqual([2, 3]);
    expect(await tail('global.trending', '--limit', '1')).toMatchObject([
      {
        channel: 'global.trending',
        topic: 'odin.analytics',
        type: 'TRENDING_UPDATED',
        data: { n: 4 },
      },
    ]);
    expect(await tail('SOL.analytics', '--limit', '1')).toMatchObject([{ text: 'no event' }]);
    expect(await tail('*', '--limit', '5')).toHaveLength(5);
    await using admin = await kafkaAdmin(kafka.brokers);
    expect((await admin.listGroups()).groups).toEqual([]);
  });

  test('are watched live until Ctrl-C, which is no failure', async () => {
    await run(['topics', 'create', '--broker', kafka.url]);
    await using broker = await openQuietly({ url: kafka.url }, 'topics-live');
    await using producer = await broker.openProducer();
    await using odin = spawnOdin(['topics', 'tail', 'BTC.trade', '--broker', kafka.url]);
    const line = odin.line(/BTC\.trade/);
    const sending = setInterval(() => {
      const value = '{"type":"TRADE_EXECUTED","timestamp":1,"data":{"price":3}}';
      producer.send([outgoing('odin.trades', 'BTC', value)]).catch(() => {});
    }, 200);
    try {
      expect(await line).toMatch(
        /^\d\d:\d\d:\d\d\.\d{3}Z +BTC\.trade +\d+:\d+ +TRADE_EXECUTED +\{"price":3\}$/,
      );
    } finally {
      clearInterval(sending);
    }
    odin.child.kill('SIGINT');
    expect(await odin.ended).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('watched by a reader that goes away end quietly', async () => {
    await run(['topics', 'create', '--broker', kafka.url]);
    await using broker = await openQuietly({ url: kafka.url }, 'topics-pipe');
    await using producer = await broker.openProducer();
    const value = `{"type":"TRADE_EXECUTED","timestamp":1,"data":{"x":"${'x'.repeat(500)}"}}`;
    await producer.send(Array.from({ length: 3_000 }, () => outgoing('odin.trades', 'BTC', value)));
    const command = `"${process.execPath}" bin/odin.js topics tail '*' --since 1m --broker ${kafka.url}`;
    const shell = `${command} | head -1 > /dev/null; exit \${PIPESTATUS[0]}`;
    expect(execFileSync('bash', ['-c', shell], { encoding: 'utf8', timeout: 60_000 })).toBe('');
  });
});

test.skipIf(natsUrl === undefined)('a stream of NATS is created, changed and watched', async () => {
  const { stream, subjectPrefix } = ownStream();
  const env = { JS_STREAM_NAME: stream, NATS_SUBJECT_PREFIX: subjectPrefix };
  const create = ['topics', 'create', '--broker', natsUrl!];
  expect((await run(create, env)).exitCode).toBe(0);
  const other = { ...env, JS_STREAM_MAX_AGE: '2m' };
  const differs = await run(create, other);
  expect(differs.exitCode).toBe(10);
  expect(differs.stdout).toMatch(/max age: 30s, wanted 2m/);
  expect((await run([...create, '--yes'], other)).stdout).toMatch(/changed/);
  expect((await run(create, other)).exitCode).toBe(0);
  expect((await run(['topics', 'list', '--broker', natsUrl!], env)).stdout).toMatch(
    /100 000 +50MiB +2m/,
  );
  await using broker = await openQuietly(
    { url: natsUrl!, nats: { stream, subjectPrefix } },
    stream,
  );
  await using producer = await broker.openProducer();
  const value = '{"type":"TRENDING_UPDATED","timestamp":1,"data":{"rank":1}}';
  await producer.send([outgoing(categoryFacts.analytics.topic, 'global.trending', value)]);
  const args = ['topics', 'tail', 'global.*', '--since', '1m', '--limit', '1', '--json'];
  const tail = await run([...args, '--broker', natsUrl!], env);
  expect(JSON.parse(tail.stdout)).toMatchObject({ channel: 'global.trending', data: { rank: 1 } });
});

describe('events of a server', () => {
  const trade = (n: number) => record('BTC', 'TRADE_EXECUTED', { n });

  test('are printed as those of a broker are, from the past on when that is asked for', async () => {
    await using server = await startTestServer();
    await server.publish(trade(1), record('global.trending', 'TRENDING_UPDATED', { rank: 1 }));
    const tail = (...args: string[]) => run(['topics', 'tail', ...args, '--url', server.url]);
    const first = await tail('BTC.*', 'global.trending', '--since', '1m', '--limit', '2', '--json');
    expect(first.exitCode, first.stderr).toBe(0);
    const lines = first.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ channel, data }) => [channel, data])).toEqual([
      ['BTC.trade', { n: 1 }],
      ['global.trending', { rank: 1 }],
    ]);
    expect(lines[0]).toMatchObject({ topic: 'odin.trades', type: 'TRADE_EXECUTED', offset: 0 });
    expect(lines[0]).not.toHaveProperty('partition');
    await using odin = spawnOdin(['topics', 'tail', 'BTC.trade', '--url', server.url]);
    const printed = odin.line(/BTC\.trade +\d+ +TRADE_EXECUTED +\{"n":2\}$/);
    const sending = setInterval(() => void server.publish(trade(2)), 100);
    await printed;
    clearInterval(sending);
    odin.child.kill('SIGINT');
    expect(await odin.ended).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('that the server no longer gives are told, and the rest is printed', async () => {
    await using server = await startTestServer({
      historyBytes: '64KiB',
      recovery: { maxMessages: 3 },
    });
    for (let n = 0; n < 300; n++)
      await server.publish(record('BTC', 'TRADE_EXECUTED', { n, filler: 'x'.repeat(1_000) }));
    const where = ['--url', server.url, '--since', '1m', '--limit', '1'];
    const tail = await run(['topics', 'tail', 'BTC.trade', ...where]);
    expect(tail.exitCode, tail.stderr).toBe(0);
    expect(tail.stderr).toContain(
      'lost: the server does not have all that was asked for any more: BTC.trade',
    );
  });

  test('that ends, or takes no such client, are an error that says why', async () => {
    const server = await startTestServer({ auth: { secret: 'x'.repeat(32) } });
    const where = ['topics', 'tail', '*', '--url'];
    const refused = await run([...where, `${server.url}?token=S3CRET`]);
    expect(refused.exitCode).toBe(4);
    expect(refused.stderr).toContain(`${server.url} is a server that refuses the connection`);
    expect(refused.stderr).toMatch(/hint: does it want a token/);
    expect(refused.stderr).not.toContain('S3CRET');
    await server[Symbol.asyncDispose]();
    const gone = await run([...where, server.url]);
    expect(gone.exitCode).toBe(4);
    expect(gone.stderr).toMatch(/cannot reach ws:.*\nhint: start `odin serve`/);
    await using other = await startTestServer({ drain: { budgetMs: '1s' } });
    await using odin = spawnOdin([...where, other.url, '--since', '1m']);
    const printed = odin.line(/BTC\.trade/);
    await other.publish(trade(1));
    await printed;
    await other[Symbol.asyncDispose]();
    const ended = await odin.ended;
    expect(ended.stderr).toMatch(/error: .* closed the connection: 1001/);
    expect(ended.exitCode).toBe(4);
  });
});

test.each([
  [
    ['tail', 'BTC.trade', 'nonsense', '*.nope'],
    /not a channel: "nonsense"\nerror: not a channel: "\*\.nope"/,
  ],
  [['tail'], /missing: <channel…>/],
  [['tail', '*', '--since', 'soon'], /--since: expected a duration/],
  [['tail', '*', '--limit', '0'], /--limit: expected a whole number of at least 1/],
  [['tail', '*', '--url', 'http://127.0.0.1:1'], /--url: expected the address of a server/],
])('odin topics %j is a mistake', async (args, message) => {
  const { exitCode, stderr } = await run(['topics', ...args]);
  expect(stderr).toMatch(message);
  expect(exitCode).toBe(2);
});

test('help names each of the topics commands', async () => {
  const { stdout } = await run(['topics', '--help']);
  for (const name of ['create', 'list', 'tail'])
    expect(stdout).toMatch(new RegExp(`^  ${name}`, 'm'));
});

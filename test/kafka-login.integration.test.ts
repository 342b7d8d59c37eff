/** Logging in to Kafka and speaking TLS with it, and what is said when that does not work. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UsageError } from '../src/base/errors.ts';
import {
  describeKafka,
  mechanisms,
  saslUser,
  startKafka,
  type TestKafka,
} from './support/kafka.ts';
import {
  consumeInto,
  failure,
  Inbox,
  openQuietly,
  outgoing,
  shape,
} from './support/kafka-inbox.ts';
import { makeCertificate, type TestCertificate } from './support/tls.ts';

describeKafka('a Kafka that wants to know who comes', () => {
  let certificate: TestCertificate;
  let kafka: TestKafka;
  let made = 0;

  beforeAll(async () => {
    certificate = await makeCertificate();
    kafka = await startKafka({ certificate });
  });
  afterAll(async () => {
    await kafka?.[Symbol.asyncDispose]();
    await certificate[Symbol.asyncDispose]();
  });

  /** Creates a topic, sends an event, also as the only one of a name, and reads both. */
  async function roundTrip(brokers: string, login: object): Promise<string[]> {
    const topic = `login-${made++}`;
    const given = { url: `kafka://${brokers}`, kafka: { topics: [topic], ...login } };
    await using broker = await openQuietly(given, topic);
    await broker.createTopics([shape(topic, 1)]);
    const inbox = new Inbox();
    await using _ = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    await producer.send([outgoing(topic, 'BTC', 'one')]);
    await using only = await broker.openProducer({ exclusiveAs: topic });
    await only.send([outgoing(topic, 'BTC', 'two')]);
    await inbox.untilCount(2);
    const part = { partition: 0, from: 0, to: 2, maxRecords: 9, maxBytes: 999 };
    const again = await broker.readBack({ topic, ...part, signal: AbortSignal.timeout(30_000) });
    expect(again.records.map(({ value }) => value.toString())).toEqual(inbox.values);
    return inbox.values;
  }

  /** How opening fails. */
  async function refusal(brokers: string, login: object) {
    const url = `kafka://${brokers}`;
    const error = await failure(
      openQuietly({ url, kafka: { connectTimeoutMs: '2s', ...login } }, 'login'),
    );
    expect(error.message).not.toContain('\n');
    expect(`${error.message} ${error.hint}`).not.toContain(saslUser.password);
    return error;
  }

  const loginOf = (saslMechanism: string, saslPassword = saslUser.password) => ({
    ...{ saslMechanism, saslPassword, saslUsername: saslUser.username },
  });

  describe.each(mechanisms)('by %s', (mechanism) => {
    test('lets those in who log in', async () => {
      expect(await roundTrip(kafka.saslBrokers, loginOf(mechanism))).toEqual(['one', 'two']);
    });

    test('does not let in who guesses, and does not show the guess', async () => {
      const error = await refusal(kafka.saslBrokers, loginOf(mechanism, 'guessed'));
      expect(error.message).toContain(`kafka://${kafka.saslBrokers} refuses the login`);
      expect(error.hint).toContain('check KAFKA_SASL_MECHANISM');
      expect(`${error.message} ${error.hint} ${JSON.stringify(error.cause)}`).not.toContain(
        'guessed',
      );
    });

    test('also over TLS', async () => {
      const login = { ...loginOf(mechanism), tlsCaFile: certificate.certFile };
      expect(await roundTrip(kafka.saslTlsBrokers, login)).toEqual(['one', 'two']);
    });
  });

  test('speaks TLS with who trusts its authority, and with nobody else', async () => {
    const tls = { tls: true, tlsCaFile: certificate.certFile };
    expect(await roundTrip(kafka.tlsBrokers, tls)).toEqual(['one', 'two']);
    const error = await refusal(kafka.tlsBrokers, { tls: true });
    expect(error.message).toContain('self-signed certificate');
    expect(error.hint).toContain('--kafka-tls-ca-file');
    await using others = await makeCertificate({ name: 'DNS:elsewhere.example' });
    const wrong = await refusal(kafka.tlsBrokers, { tlsCaFile: others.certFile });
    expect(wrong.hint).toContain('--kafka-tls-ca-file');
  });

  test('says what to look at when only one side speaks TLS, or expects a login', async () => {
    const tls = { tls: true, tlsCaFile: certificate.certFile };
    for (const [brokers, login] of [
      [kafka.tlsBrokers, {}],
      [kafka.brokers, tls],
      [kafka.saslBrokers, {}],
    ] as const) {
      const error = await refusal(brokers, login);
      expect(error.message).toContain(`cannot reach kafka://${brokers}: `);
      expect(error.hint).toMatch(/does it expect TLS .* or a login/);
    }
  });

  test.each([
    [{ tls: true, tlsCaFile: '/nowhere/ca.pem' }, /cannot read .*\/nowhere\/ca\.pem/],
    [{ saslMechanism: 'scram-sha-256', saslUsername: 'odin' }, /needs a user and a password/],
  ])('settings %j that do not fit are a mistake in the configuration', async (given, message) => {
    const opening = openQuietly({ url: `kafka://${kafka.brokers}`, kafka: given }, 'login');
    await expect(opening).rejects.toBeInstanceOf(UsageError);
    await expect(opening).rejects.toThrow(message);
  });
});

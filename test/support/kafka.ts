/** The Kafka that the tests of a worker share, and how a test says that it needs one. */
import { afterAll, beforeAll, describe, inject, test } from 'vitest';
import { startKafka, type TestKafka } from './kafka-process.ts';

export { kafkaAdmin, mechanisms, saslUser, startKafka, type TestKafka } from './kafka-process.ts';

const all = inject('kafkaBrokers');

/**
 * Addresses of this worker's Kafka, on which no other test runs at the same time; undefined when
 * there is none, and then its tests are skipped.
 */
export const kafkaBrokers: string | undefined =
  all[(Number(process.env['VITEST_POOL_ID']) - 1) % all.length];

/** `describe` that is skipped, visibly, when there is no Kafka. */
export const describeKafka = describe.skipIf(kafkaBrokers === undefined);

/** `test` that is skipped, visibly, when there is no Kafka. */
export const testKafka = test.skipIf(kafkaBrokers === undefined);

/** A Kafka for the tests of one file or `describe`, which may stop it. */
export function ownKafka() {
  let kafka: TestKafka | undefined;
  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(async () => await kafka?.[Symbol.asyncDispose]());
  const started = () => kafka as TestKafka;
  return {
    get brokers(): string {
      return started().brokers;
    },
    get url(): string {
      return `kafka://${started().brokers}`;
    },
    stop: (signal?: 'SIGTERM' | 'SIGKILL') => started().stop(signal),
    start: () => started().start(),
    freeze: () => started().freeze(),
    thaw: () => started().thaw(),
  };
}

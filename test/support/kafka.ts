/** The Kafka that the tests of a run share, and how a test says that it needs one. */
import { describe, inject, test } from 'vitest';

export { kafkaAdmin, saslUser, startKafka, type TestKafka } from './kafka-process.ts';

/** Addresses of the run's Kafka; undefined when there is none, and then its tests are skipped. */
export const kafkaBrokers: string | undefined = inject('kafkaBrokers');

/** `describe` that is skipped, visibly, when there is no Kafka. */
export const describeKafka = describe.skipIf(kafkaBrokers === undefined);

/** `test` that is skipped, visibly, when there is no Kafka. */
export const testKafka = test.skipIf(kafkaBrokers === undefined);

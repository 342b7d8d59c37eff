/** Gives the integration tests one Kafka: that of `KAFKA_BROKERS`, or one started for the run. */
import type { TestProject } from 'vitest/node';
import type { TestKafka } from './kafka-process.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port`; undefined when the tests that need Kafka are skipped. */
    kafkaBrokers: string | undefined;
  }
}

/** Runs once before all integration tests; what it returns runs after them. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['KAFKA_BROKERS'];
  if (given !== undefined && given !== '') {
    project.provide('kafkaBrokers', given);
    return undefined;
  }
  let kafka: TestKafka;
  try {
    kafka = await (await import('./kafka-process.ts')).startKafka();
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    process.stderr.write(
      `\n*** No Kafka could be started: all tests that need one are SKIPPED. ***\n${String(error)}\n` +
        'They need java 17 or newer and mvn, or KAFKA_BROKERS=host:port of a running Kafka.\n\n',
    );
    project.provide('kafkaBrokers', undefined);
    return undefined;
  }
  project.provide('kafkaBrokers', kafka.brokers);
  return async () => await kafka[Symbol.asyncDispose]();
}

/** Gives each test worker a Kafka: that of `KAFKA_BROKERS`, or one started for the run. */
import type { TestProject } from 'vitest/node';
import type { TestKafka } from './kafka-process.ts';
import { needsBrokers, workersOf } from './test-workers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port` for each worker; none when the tests that need Kafka are skipped. */
    kafkaBrokers: readonly string[];
  }
}

/** Runs once before all integration tests; what it returns runs after them. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const provide = (brokers: readonly string[]) => project.provide('kafkaBrokers', brokers);
  const given = process.env['KAFKA_BROKERS'];
  if (given !== undefined && given !== '') {
    provide([given]);
    return undefined;
  }
  provide([]);
  if (!needsBrokers(project)) return undefined;
  const started: TestKafka[] = [];
  const stop = async () => {
    await Promise.all(started.map((kafka) => kafka[Symbol.asyncDispose]()));
  };
  try {
    const { startKafka } = await import('./kafka-process.ts');
    const { kafkaClassPath } = await import('./kafka-jars.ts');
    // Fetched once, before several ask for it.
    await kafkaClassPath();
    const start = async () => started.push(await startKafka());
    await Promise.all(Array.from({ length: workersOf(project) }, start));
  } catch (error) {
    await stop();
    if (process.env['CI'] !== undefined) throw error;
    process.stderr.write(
      `\n*** No Kafka could be started: all tests that need one are SKIPPED. ***\n${String(error)}\n` +
        'They need java 17 or newer and mvn, or KAFKA_BROKERS=host:port of a running Kafka.\n\n',
    );
    return undefined;
  }
  provide(started.map(({ brokers }) => brokers));
  return stop;
}

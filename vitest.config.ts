import { defineConfig } from 'vitest/config';

/** Suites that hold for the server whatever it is made of: they run against both modes. */
const bothModes = [
  'client',
  'compression',
  'drain',
  'guard',
  'handshakes',
  'origins-and-rates',
  'publish-route',
  'recovery',
  'resume-property',
  'rfc6455',
  'security',
  'server',
  'server-connections',
  'server-figures',
  'slow-clients',
  'tls',
].map((name) => `test/${name}.integration.test.ts`);

/**
 * Suites that judge what machines take their time for: rates, delays, percentiles, memory. Each has
 * the machine to itself.
 */
const alone = [
  'drain.integration',
  'guard.integration',
  'hostile.integration',
  'loadtest.integration',
  'loadtest-churn.integration',
  'loadtest-compare.integration',
  'loadtest-crowds.integration',
  'loadtest-outputs.integration',
  'loadtest-slow.integration',
  'loadtest-stages.integration',
  'loadtest-storms.integration',
  'loadtest-truth.integration',
  'main-job.e2e',
  'multi-supervision.integration',
  'multi.e2e',
  'publisher.integration',
  'resume.e2e',
  'rolling-drain.integration',
  'slow-clients.integration',
].map((name) => `test/${name}.test.ts`);

/** What is waited for comes late on a busy machine: only a wait in vain takes so long. */
const patient = { poll: { timeout: 60_000 } };
const timeouts = { testTimeout: 120_000, hookTimeout: 120_000, expect: patient };
/** Others wait more than they work. One Kafka of your own serves one of them at a time. */
const sideBySide = { ...timeouts, maxWorkers: process.env['KAFKA_BROKERS'] ? 1 : 2 };
/** Each test starts shards: they need not compile everything anew. */
const multi = { ODIN_TEST_MODE: 'multi', NODE_COMPILE_CACHE: '.cache/compile' };

export default defineConfig({
  test: {
    globalSetup: ['test/support/kafka-setup.ts', 'test/support/nats-setup.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          maxWorkers: 2,
          include: ['src/**/*.test.ts', 'test/*.test.ts'],
          exclude: ['test/*.integration.test.ts', 'test/*.e2e.test.ts'],
          testTimeout: 20_000,
          expect: { poll: { timeout: 15_000 } },
        },
      },
      {
        test: {
          ...sideBySide,
          name: 'integration',
          include: ['test/*.integration.test.ts', 'test/*.e2e.test.ts'],
          exclude: alone,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...sideBySide,
          name: 'multi',
          include: bothModes.filter((name) => !alone.includes(name)),
          env: multi,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...timeouts,
          name: 'alone',
          include: alone,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...timeouts,
          name: 'multi-alone',
          include: bothModes.filter((name) => alone.includes(name)),
          env: multi,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config';

/** Suites that hold for the server whatever it is made of: they run against both modes. */
const bothModes = [
  'client',
  'compression',
  'drain',
  'guard',
  'publish-route',
  'recovery',
  'resume-property',
  'rfc6455',
  'security',
  'server',
  'slow-clients',
  'tls',
].map((name) => `test/${name}.integration.test.ts`);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/*.test.ts'],
          exclude: ['test/*.integration.test.ts', 'test/*.e2e.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/*.integration.test.ts', 'test/*.e2e.test.ts'],
          globalSetup: ['test/support/kafka-setup.ts', 'test/support/nats-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Real sockets and processes on two cores: one file at a time keeps timings honest.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'multi',
          include: bothModes,
          // Each test starts shards: they need not compile everything anew.
          env: { ODIN_TEST_MODE: 'multi', NODE_COMPILE_CACHE: '.cache/compile' },
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

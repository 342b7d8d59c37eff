import { defineConfig } from 'vitest/config';

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
          globalSetup: ['test/support/kafka-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Real sockets and processes on two cores: one file at a time keeps timings honest.
          fileParallelism: false,
        },
      },
    ],
  },
});

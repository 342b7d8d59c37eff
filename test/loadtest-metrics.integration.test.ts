/** The port at which Prometheus reads a running load test. */
import { expect, test } from 'vitest';
import { FaultServer } from './support/fault-server.ts';
import { publish, run } from './support/run-loadtest.ts';

test('the figures of a run can be scraped while it lasts, and only then', async () => {
  await using server = await FaultServer.start({
    deliver: ({ client, n }) => (client === 3 && n === 5 ? 'drop' : undefined),
  });
  const stop = new AbortController();
  const { promise: url, resolve: onMetrics } = Promise.withResolvers<string>();
  const running = run(
    server.url,
    { durationMs: '60s', prometheus: '0' },
    { onMetrics, signal: stop.signal },
  );
  const scrape = async () => (await fetch(await url)).text();
  await publish(server, 20, 50);
  await expect.poll(scrape).toContain('odin_loadtest_events_received_total 999\n');
  const text = await scrape();
  expect(text).toContain('odin_loadtest_clients_active 20\n');
  expect(text).toContain('odin_loadtest_phase{phase="hold"} 1\n');
  expect(text).toContain('odin_loadtest_events_lost_total 1\n');
  expect(text).toMatch(/^odin_loadtest_latency_quantile_seconds\{quantile="0.99"\} 0\.\d+$/m);
  expect(text).toMatch(
    /^odin_loadtest_connect_quantile_seconds\{quantile="1",phase="upgraded"\} 0\.\d+$/m,
  );
  expect((await fetch(new URL('/', await url))).status).toBe(404);
  stop.abort();
  await running;
  await expect(scrape()).rejects.toThrow();
});

test('a port that is taken is told before the first client', async () => {
  await using server = await FaultServer.start();
  const prometheus = `127.0.0.1:${server.port}`;
  await expect(run(server.url, { prometheus })).rejects.toMatchObject({
    message: expect.stringContaining(
      `cannot serve metrics at ${prometheus}: something listens there`,
    ),
    hint: expect.stringContaining('choose another port'),
  });
  const elsewhere = run(server.url, { prometheus: '203.0.113.1:3997' });
  await expect(elsewhere).rejects.toMatchObject({
    hint: expect.stringContaining('an address of this machine'),
  });
  expect(server.requests).toBe(0);
});

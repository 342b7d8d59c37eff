/** Tests of worker-session.ts: a worker hears of stages ahead of time. */
import { expect, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { stagesOf } from '../plan/timeline.ts';
import { epochMs } from '../run-clock.ts';
import type { FromWorker } from './worker-messages.ts';
import { WorkerSession } from './worker-session.ts';

test('a stage that is shorter than the time it is told ahead takes place all the same', () => {
  const config = configSchema.parse({ loadtest: { stages: '0s:2,9s:2' } }).loadtest;
  const sent: FromWorker[] = [];
  const session = new WorkerSession({
    send: (message) => void sent.push(message),
    usage: () => ({ cpuMs: 0, rssBytes: 0 }),
  });
  const target = { address: '127.0.0.1', port: 9, host: 'h', path: '/', sourceIps: [] };
  const unused = { headers: [], tokens: [], subprotocols: [] };
  session.receive({
    kind: 'start',
    assignment: {
      config,
      worker: 0,
      workers: 1,
      target: { ...target, ...unused },
      clockAheadMs: 0,
    },
  });
  const startAtMs = epochMs() + 60_000;
  for (const [index, stage] of stagesOf(config).entries())
    session.receive({ kind: 'stage', index, stage, startAtMs });
  session.receive({ kind: 'end-stages' });
  session.receive({ kind: 'stop' });
  const marks = sent.flatMap((message) => (message.kind === 'stage' ? message.stage : []));
  expect(marks).toEqual([0, 1, 2]);
});

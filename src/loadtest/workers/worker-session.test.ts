/** Tests of worker-session.ts: a worker hears of stages ahead of time. */
import { expect, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { stagesOf } from '../plan/timeline.ts';
import { epochMs } from '../run-clock.ts';
import type { FromWorker } from './worker-messages.ts';
import { WorkerSession } from './worker-session.ts';

/** A worker that runs a load test which nothing answers, and what it says. */
function startSession(settings: Record<string, unknown>) {
  const config = configSchema.parse({ loadtest: settings }).loadtest;
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
  const begin = (startAtMs: number) => {
    for (const [index, stage] of stagesOf(config).entries()) {
      session.receive({ kind: 'stage', index, stage, startAtMs });
    }
  };
  return { session, sent, begin };
}

test('a stage that is shorter than the time it is told ahead takes place all the same', () => {
  const { session, sent, begin } = startSession({ stages: '0s:2,9s:2' });
  begin(epochMs() + 60_000);
  session.receive({ kind: 'end-stages', atMs: 0 });
  session.receive({ kind: 'stop' });
  const marks = sent.flatMap((message) => (message.kind === 'stage' ? message.stage : []));
  expect(marks).toEqual([0, 1, 2]);
});

test('what becomes of slow clients that still read when the run is over is in the last report', () => {
  const { session, sent, begin } = startSession({ stages: '0s:2,9s:0', slowPercent: '50%' });
  begin(epochMs() - 60_000);
  session.receive({ kind: 'stop' });
  const groups = sent.flatMap((said) => (said.kind === 'final' ? said.report.groups : []));
  expect(groups.map(({ connections }) => connections.failed)).toEqual([1, 1]);
});

import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { idleNode, shardFigures } from '../../../test/support/node-state.ts';
import { createLog } from '../../host/log.ts';
import type { NodeState } from './node-state.ts';
import { startSummary } from './summary.ts';

/** The first line that is logged about a node. */
async function firstLine(state: NodeState): Promise<Record<string, unknown>> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const output = new Writable({
    write(chunk, _encoding, done) {
      resolve(String(chunk));
      done();
    },
  });
  using _summary = startSummary(state, 20, createLog(output, 'info', 'json'));
  return JSON.parse(await promise) as Record<string, unknown>;
}

test('the line has rates since the last one, of what was brought up to date just before', async () => {
  const state = idleNode({
    connections: { size: 3 },
    async refresh() {
      state.counters.messagesDelivered = 40;
      return [];
    },
  });
  expect(await firstLine(state)).toMatchObject({ connections: 3, deliveredPerSecond: 2_000 });
});

test('with shards it says how many clients each has; without it does not', async () => {
  const connections = { size: 3 };
  const shards = () => [shardFigures(0, { connections: 1 }), shardFigures(1, { connections: 2 })];
  expect(await firstLine(idleNode({ mode: 'multi', connections, shards }))).toMatchObject({
    shards: [1, 2],
  });
  expect(await firstLine(idleNode({ connections }))).not.toHaveProperty('shards');
});

/** Tests of dead-end.ts: what is said fits what clients were told to speak. */
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import { kindOf } from '../socket/error-classes.ts';
import { deadEndOf } from './dead-end.ts';

test.each([
  ['v2', [], 'it does not speak odin.v2: an older odin is tested with --protocol v1'],
  ['v1', [], 'it does not speak odin.v1: others are tested with --protocol raw'],
  ['raw', ['nope', 'no'], 'it does not speak nope or no: name what it does with --subprotocol'],
  ['raw', [], 'it chose a subprotocol that nobody asked for: name it with --subprotocol'],
] as const)('%s with subprotocols %o: %s', async (protocol, subprotocols, hint) => {
  const name = 'upgrade-bad-subprotocol';
  const report = makeReport({ seconds: 1 });
  const end = await deadEndOf({
    ...report,
    config: { ...report.config, protocol, subprotocols: [...subprotocols] },
    connections: { ...report.connections, opened: 0, failed: 5 },
    errors: [{ class: name, ...kindOf(name), count: 5, example: 'none' }],
    verdict: 'fail',
  });
  expect(end?.hint).toMatch(hint);
});

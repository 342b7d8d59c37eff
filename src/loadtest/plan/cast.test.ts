/** Tests of cast.ts: whom each worker gets. */
import { expect, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { Cast } from './cast.ts';
import { sizeOf } from './run-size.ts';
import { startsPerWorker } from './timeline.ts';

test.each([1, 3, 7])('%d workers share the clients of each group as they come', (workers) => {
  const { loadtest: config } = configSchema.parse({
    loadtest: { stages: '1s:40,1s:10,1s:33', slowPercent: '25%', halfOpenPercent: '10%' },
  });
  const { stages, peak } = sizeOf(config);
  const cast = new Cast(config, peak);
  const shares = cast.sharesOf(stages, workers);
  const all = cast.groups.map((_, group) =>
    shares.map((share) => share.clientsByGroup[group] ?? 0),
  );
  expect(all.map(sum)).toEqual(cast.startsIn(stages));
  expect(shares.map(({ clientsByGroup }) => sum(clientsByGroup))).toEqual(
    startsPerWorker(stages, workers),
  );
  expect(shares.map(({ clients }) => clients)).toEqual(all[0]);
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

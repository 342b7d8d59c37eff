/** Cohorts: who gets a channel, counted for many channels at once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { subscriptionsMatching } from '../../events/channel.ts';
import { Cohorts } from './cohort.ts';

const channels = ['A.trade', 'B.trade', 'A.social', 'B.social', 'C.trade'];
const wishes = [...channels, 'A.*', 'B.*', '*.trade', '*.social', '*'];

test('whoever gets a channel by several subscriptions counts once', () => {
  const client = fc.record({
    subscriptions: fc.uniqueArray(fc.constantFrom(...wishes)),
    isStraggler: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(client, { maxLength: 12 }), (clients) => {
      const cohorts = new Cohorts<object>();
      for (const { subscriptions, isStraggler } of clients) {
        const cohort = cohorts.for('v2', new Set(subscriptions), false);
        const connection = {};
        if (isStraggler) cohort.stragglers.add(connection);
        else cohort.members.push(connection);
      }
      const expected = channels.map((channel) => {
        const matching = subscriptionsMatching(channel);
        return clients.filter(({ subscriptions }) =>
          subscriptions.some((subscription) => matching.includes(subscription)),
        ).length;
      });
      const subscribersOf = cohorts.subscriberCounter();
      expect(channels.map(subscribersOf)).toEqual(expected);
      expect(subscribersOf('X.none')).toBe(
        clients.filter(({ subscriptions }) => subscriptions.includes('*')).length,
      );
    }),
    { seed: 1, numRuns: 200 },
  );
});

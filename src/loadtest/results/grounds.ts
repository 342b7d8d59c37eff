/** What a count of 0 rests on: where nothing could have been counted, it says nothing. Pure. */
import type { ThresholdMetric } from '../../config/threshold.ts';
import type { Totals } from '../workers/totals.ts';
import type { RunScale } from './run-part.ts';

/** What there has to be: events that came, clients that had to come, clients that were there. */
type Ground = 'events' | 'comers' | 'clients';

/** Of times the first part of the metric; what is not here is told by events. */
const grounds: Readonly<Record<string, Ground>> = {
  connect: 'comers',
  opened: 'comers',
  failed: 'comers',
  refused: 'comers',
  dropped: 'clients',
  reconnected: 'clients',
  away: 'clients',
  received: 'clients',
  rate: 'clients',
  errors: 'clients',
} satisfies Partial<Record<ThresholdMetric | 'connect', Ground>>;

const lacks: Readonly<Record<Ground, string>> = {
  events: 'no event came',
  comers: 'no client had to come',
  clients: 'no client was there',
};

/** Lacks of times that are not those of every event or connection. */
const timeLacks: Readonly<Record<string, string>> = {
  return: 'no client came back from a storm',
  ack: 'no change of subscriptions was acknowledged',
};

/** Whether a metric is about clients that come, of which a part of a run may have none. */
export function isOfComing(metric: ThresholdMetric): boolean {
  return groundOf(metric) === 'comers';
}

/** Whether a metric is told by what clients read: by events, and by how connections end. */
export function isOfReading(metric: ThresholdMetric): boolean {
  return !isOfComing(metric) && timeLacks[sourceOf(metric)] === undefined;
}

/** Whether a count of 0 means that what it counts did not happen, and not that nothing did. */
export function hasGround(metric: ThresholdMetric, totals: Totals, scale: RunScale): boolean {
  const { connections, messages } = totals;
  const { opened, failed, active, left, away, dropped } = connections;
  switch (groundOf(metric)) {
    case 'events':
      return messages.received > 0;
    case 'comers':
      return scale.target + opened + failed > 0;
    case 'clients':
      return opened + active + left + away + dropped > 0;
  }
}

/** Why nothing was measured of a metric, in a few words. */
export function lackOfGround(metric: ThresholdMetric): string {
  return timeLacks[sourceOf(metric)] ?? lacks[groundOf(metric)];
}

function groundOf(metric: ThresholdMetric): Ground {
  return grounds[sourceOf(metric)] ?? 'events';
}

function sourceOf(metric: ThresholdMetric): string {
  return metric.replace(/\..*/, '');
}

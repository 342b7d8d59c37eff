/** Channel grants: which channels a token lets its bearer see, and whether they cover a subscription. */
import { categories } from '../../events/categories.ts';
import { normaliseChannel, subscriptionsMatching } from '../../events/channel.ts';

/** Canonical channel patterns (`BTC.*`, `*.trade`, `BTC.trade`, `*`); undefined grants everything. */
export type ChannelGrants = ReadonlySet<string> | undefined;

/** Most patterns that a token may carry. */
const maxGrants = 1_000;

/**
 * The grants of a token's `channels` claim. No claim grants everything; a text instead says what
 * is wrong with the claim, which then must grant nothing.
 */
export function readGrants(claim: unknown): ChannelGrants | string {
  if (claim === undefined) return undefined;
  if (!Array.isArray(claim)) return 'claim "channels" is no list';
  if (claim.length > maxGrants) return `claim "channels" has more than ${maxGrants} entries`;
  const grants = new Set<string>();
  for (const entry of claim) {
    const pattern = typeof entry === 'string' ? normaliseChannel(entry) : undefined;
    if (pattern === undefined) return 'claim "channels" has an entry that is no channel pattern';
    grants.add(pattern);
  }
  return grants;
}

/**
 * Whether every channel that a canonical subscription covers is granted. A wildcard is also granted
 * by all the categories it stands for: `BTC.trade`, `BTC.liquidity` … together allow `BTC.*`.
 */
export function isGranted(grants: ChannelGrants, subscription: string): boolean {
  if (grants === undefined || grants.has('*')) return true;
  if (grants.has(subscription)) return true;
  if (subscription === '*') {
    return grants.has('global.*') && categories.every((category) => grants.has(`*.${category}`));
  }
  const [symbol = '', suffix = ''] = subscription.split('.');
  if (suffix !== '*') return subscriptionsMatching(subscription).some((one) => grants.has(one));
  if (symbol === 'global') return false;
  return categories.every((category) => isGranted(grants, `${symbol}.${category}`));
}

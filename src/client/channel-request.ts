/** Channel request: what an application may write for channels, in canonical form. */
import { bundles, normaliseChannel } from '../events/channel.ts';

/** A named set of categories for some tokens. */
export interface BundleRequest {
  readonly bundle: 'TRADING' | 'FULL_MARKET' | 'COMMUNITY' | 'PORTFOLIO' | 'PRICE_ONLY' | 'ALL';
  readonly tokens: readonly string[];
}

/** One channel or wildcard, several, or a bundle. */
export type ChannelRequest = string | readonly string[] | BundleRequest;

/** Each channel once in canonical form, and what is none, as it was written. */
export function readChannels(request: ChannelRequest): { channels: string[]; invalid: string[] } {
  const channels = new Set<string>();
  const invalid: string[] = [];
  for (const name of namesOf(request)) {
    const channel = normaliseChannel(name);
    if (channel === undefined) invalid.push(name);
    else channels.add(channel);
  }
  return { channels: [...channels], invalid };
}

function namesOf(request: ChannelRequest): readonly string[] {
  if (typeof request === 'string') return [request];
  if (!('bundle' in request)) return request;
  const { bundle, tokens } = request;
  return tokens.flatMap((token) =>
    (bundles[bundle] ?? [bundle]).map((category) => `${token}.${category}`),
  );
}

/** What kinds of clients there are, and which of them a mix is made of. */
import { bundles, isSymbol, normaliseChannel } from '../events/channel.ts';

/** What clients of one kind subscribe to. */
export interface LoadProfile {
  /** Categories by the name of a bundle, for tokens of `loadtest.tokens`. */
  readonly bundle?: string | undefined;
  /** Tokens of each client, at random; all when it is left out. */
  readonly tokensPerClient?: number | undefined;
  /** Channels beside those of the bundle, or instead. */
  readonly channels?: readonly string[] | undefined;
}

/** Profiles that need no definition: one for each bundle. */
export const builtInProfiles: Readonly<Record<string, LoadProfile>> = {
  trader: { bundle: 'TRADING', tokensPerClient: 3 },
  dashboard: { bundle: 'FULL_MARKET' },
  social: { bundle: 'COMMUNITY', tokensPerClient: 5 },
  holder: { bundle: 'PORTFOLIO', tokensPerClient: 5 },
  ticker: { bundle: 'PRICE_ONLY' },
  everything: { bundle: 'ALL' },
};

/** All profiles there are, by name. */
export function allProfiles(own: Readonly<Record<string, LoadProfile>> | undefined) {
  return { ...builtInProfiles, ...own };
}

/** One part of a mix: `trader=70`. */
export interface MixPart {
  readonly profile: string;
  /** In relation to those of the other parts. */
  readonly weight: number;
}

/** Names that parts of a report have already. */
const reserved = ['slow', 'half-open', 'ramp', 'hold', 'ramp-down'];

/** The parts of a list such as `trader=70`, `social=10`; what is wrong with it, as a text. */
export function parseMix(
  texts: readonly string[],
  profiles: Readonly<Record<string, LoadProfile>>,
): readonly MixPart[] | string {
  const parts: MixPart[] = [];
  for (const text of texts) {
    const { profile, weight } =
      /^(?<profile>[\w-]+)=(?<weight>\d+(\.\d+)?)%?$/.exec(text)?.groups ?? {};
    if (profile === undefined) return `${text}: expected profile=share such as trader=70`;
    if (!Object.hasOwn(profiles, profile)) {
      return `no profile ${profile}; there are ${Object.keys(profiles).join(', ')}`;
    }
    if (parts.some((part) => part.profile === profile)) return `${profile} is given twice`;
    if (Number(weight) === 0) return `${text}: expected a share above 0`;
    parts.push({ profile, weight: Number(weight) });
  }
  return parts;
}

/** What is wrong with a profile of one's own; undefined when nothing is. */
export function profileFault(name: string, profile: LoadProfile): string | undefined {
  if (!/^[A-Za-z][\w-]*$/.test(name)) return `${name}: expected a name of letters, digits, _ and -`;
  if (reserved.includes(name)) return `${name} means something else`;
  const { bundle, channels = [] } = profile;
  if (bundle !== undefined && !Object.hasOwn(bundles, bundle)) {
    return `${name}: no bundle ${bundle}; there are ${Object.keys(bundles).join(', ')}`;
  }
  const bad = channels.find((channel) => normaliseChannel(channel) === undefined);
  if (bad !== undefined) return `${name}: ${bad} is no channel`;
  if (bundle === undefined && channels.length === 0) return `${name}: expected bundle or channels`;
  return undefined;
}

/** Channels of a profile for these tokens, in canonical form. */
export function profileChannels(
  { bundle, channels = [] }: LoadProfile,
  tokens: readonly string[],
): string[] {
  const categories = bundle === undefined ? [] : (bundles[bundle] ?? []);
  const ofTokens = tokens.flatMap((token) => categories.map((category) => `${token}.${category}`));
  return [...new Set([...ofTokens, ...channels.map((name) => normaliseChannel(name) ?? name)])];
}

/** Whether all of these can be tokens, and there is one. */
export function areTokens(names: readonly string[]): boolean {
  return names.length > 0 && names.every(isSymbol);
}

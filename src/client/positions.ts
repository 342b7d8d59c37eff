/** Positions: where to go on, as it is said to a server and as an application may keep it. */

/** Place of the newest event of one channel. */
export interface ChannelPlace {
  /** Of the log that the offset belongs to. */
  readonly epoch?: string;
  readonly offset: number;
}

/** What is known of the channels under a wildcard, or of a channel that has had no event yet. */
export interface WildcardPlace {
  readonly epoch?: string;
  /** Time up to which everything is here, in milliseconds since 1970. */
  readonly ts: number;
  readonly offsets: Readonly<Record<string, number>>;
}

/** Where to go on with one subscription. */
export type Position = ChannelPlace | WildcardPlace;

/** Positions by subscription: plain JSON, to be kept and given to `subscribe` as `since`. */
export type Positions = Readonly<Record<string, Position>>;

/** Messages between the primary and a shard, over the child's link; frames go over its pipe. */
import type { Config } from '../../../config/schema.ts';
import type { DrainReason } from '../../clients/drain.ts';
import type { ClientLook, ClientQuestion } from '../../details/client-look.ts';
import type { ReadChannel } from '../../recovery/older-events.ts';
import type { NodeApi } from '../../reporting/node-api.ts';
import type { ShardReport } from '../../reporting/shard-figures.ts';
import type { Refusal } from '../../security/admission.ts';
import type { ServingIdentity } from '../../serving.ts';

/** What a shard is told first. */
export interface ShardSetup {
  readonly config: Config['server'];
  readonly identity: ServingIdentity;
  /** Port of its own on the loopback; 0 opens none. */
  readonly port: number;
  /** Shards of the node, which share what one process may use. */
  readonly shards: number;
  readonly logLevel: string;
  /** How much further apart than the load asks flushes are, until told otherwise. */
  readonly flushStretch: number;
}

/** From the primary. A socket comes with its message. */
export type ToShard =
  | { readonly kind: 'start'; readonly setup: ShardSetup }
  /** It may take clients when its history has reached this index. */
  | { readonly kind: 'open'; readonly index: number }
  | { readonly kind: 'socket'; readonly id: number }
  /** It reports now; the answer carries the round. */
  | { readonly kind: 'report'; readonly round: number }
  /** It looks at its clients. */
  | { readonly kind: 'look'; readonly id: number; readonly question: ClientQuestion }
  | { readonly kind: 'stretch'; readonly factor: number }
  /** It closes a few of its slowest clients. */
  | { readonly kind: 'shed' }
  | { readonly kind: 'reload'; readonly config: Config['server'] }
  | { readonly kind: 'drain'; readonly reason: DrainReason }
  | Answered;

/** From a shard. */
export type FromShard =
  /** It waits for its setup. */
  | { readonly kind: 'ready' }
  /** Its history holds what the primary's does. */
  | { readonly kind: 'level' }
  /** It takes clients. */
  | { readonly kind: 'serving' }
  /** It has these sockets; the primary can let go of them. */
  | { readonly kind: 'taken'; readonly ids: readonly number[] }
  /** These hold no place: they are closed, or sent a plain request. */
  | { readonly kind: 'closed'; readonly ids: readonly number[] }
  /** Each second, and when it was asked in a round. */
  | { readonly kind: 'report'; readonly report: ShardReport; readonly round: number | undefined }
  | { readonly kind: 'looked'; readonly id: number; readonly look: ClientLook }
  /** One line of its log, in JSON. */
  | { readonly kind: 'log'; readonly line: string }
  /** Events that came since the last time, and their deliveries; said only while those are limited. */
  | { readonly kind: 'offered'; readonly events: number; readonly deliveries: number }
  | { readonly kind: 'drained'; readonly cutOff: number }
  /** It cannot start, for a reason that people can do something about. */
  | { readonly kind: 'failed'; readonly message: string; readonly hint: string | undefined }
  | Asked;

/** What a shard asks the primary, by name, with the answer to it. */
export interface Questions {
  enter: { asks: { socket: number; address: string }; gets: Refusal | undefined };
  enterAs: { asks: { socket: number; user: string }; gets: Refusal | undefined };
  older: { asks: { channel: string; offset: number }; gets: OlderAnswer };
  node: { asks: NodeCall; gets: unknown };
}

/** What the primary found, and how far its history was then. */
export interface OlderAnswer {
  readonly index: number;
  readonly read: ReadChannel | undefined;
  /** What the primary knows of the channel then. */
  readonly known: { readonly partition: string; readonly lastOffset: number } | undefined;
}

/** A call of the node's API. */
export interface NodeCall {
  readonly name: keyof NodeApi;
  readonly args: readonly unknown[];
}

/** A question on its way; the answer carries its id. */
export interface Asked {
  readonly kind: 'ask';
  readonly id: number;
  readonly question: keyof Questions;
  readonly asks: unknown;
}

/** An answer on its way. */
export interface Answered {
  readonly kind: 'answer';
  readonly id: number;
  readonly gets?: unknown;
  /** Set when answering failed. */
  readonly error?: string;
}

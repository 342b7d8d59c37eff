/** Requests: what a connection still has to ask for, in as few and small messages as it takes. */
import type { Interest } from './interests.ts';
import type { Places } from './places.ts';
import type { Position } from './positions.ts';
import type { SessionOwner } from './session-owner.ts';

/** What was asked for and is not answered yet. */
export type Request =
  | {
      readonly kind: 'subscribe';
      readonly interests: readonly Interest[];
      readonly since: Readonly<Record<string, Position>>;
    }
  /** Events behind holes in channels that are being delivered. */
  | { readonly kind: 'recover'; readonly channels: readonly string[] }
  | { readonly kind: 'unsubscribe'; readonly names: readonly string[] }
  | { readonly kind: 'token' };

/** Channels in one message. */
const maxNames = 100;
/** Bytes of a message, where the server names no limit of its own; odin takes 16 KiB by default. */
export const defaultMessageBytes = 12_288;
/** Messages at once, and then per second: half of what odin allows, since pings count too. */
const burst = 50;
const perSecond = 5;
/** The server may read from its broker for 5 s, one request after the other. */
const answerMs = 15_000;

/** The requests of one connection. */
export class Requests {
  /** Channels with a hole, and whether it was asked for. */
  readonly recovering = new Map<string, 'wanted' | 'asked'>();
  readonly #owner: SessionOwner;
  readonly #pending = new Map<number, { request: Request; sentMs: number }>();
  #maxBytes = 0;
  #isScheduled = false;
  #lastId = 0;
  /** Messages that may be sent now. */
  #allowance = burst;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(owner: SessionOwner) {
    this.#owner = owner;
  }

  /** The server listens; messages to it may have so many bytes. */
  start(limitBytes?: number): void {
    // Sizes are estimated.
    this.#maxBytes = limitBytes === undefined ? defaultMessageBytes : limitBytes * 0.75;
    this.#timer = setInterval(() => this.#tick(), 1_000);
    this.#flush();
  }

  stop(): void {
    this.#maxBytes = 0;
    clearInterval(this.#timer);
  }

  /** Something is wanted, or not any more: asks when all is said that is said in one go. */
  changed(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#flush());
  }

  /** Sends a new token. */
  refreshToken(token: string): void {
    this.#send({ kind: 'token' }, 'refresh_token', { token });
  }

  /**
   * The request that an answer belongs to; undefined when nobody waits for it any more. Servers that
   * do not repeat the `id` answer in order.
   */
  answered(id: unknown): Request | undefined {
    const key = (id ?? this.#pending.keys().next().value) as number;
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    return pending?.request;
  }

  /** The server has ignored some message, nobody knows which: asks for all of it again, later. */
  askAgain(): void {
    for (const { request } of this.#pending.values()) {
      if (request.kind === 'unsubscribe') {
        for (const name of request.names) this.#owner.interests.leaving.add(name);
      } else if (request.kind === 'recover') {
        for (const channel of request.channels) this.recovering.set(channel, 'wanted');
      } else if (request.kind === 'subscribe') {
        for (const interest of request.interests) interest.state = 'wanted';
      }
    }
    this.#pending.clear();
    this.#allowance = -2 * perSecond;
    this.changed();
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.#maxBytes === 0) return;
    while (this.#allowance > 0 && this.#sendNext()) this.#allowance--;
  }

  /** Once a second: whether an answer is overdue, and what had to wait. */
  #tick(): void {
    this.#allowance = Math.min(burst, this.#allowance + perSecond);
    const [oldest] = this.#pending.values();
    if (oldest !== undefined && performance.now() - oldest.sentMs > answerMs)
      this.#owner.connector.fail('NO_ANSWER', 'no answer from the server');
    else this.#flush();
  }

  #sendNext(): boolean {
    const { interests } = this.#owner;
    const names = [...interests.leaving].slice(0, maxNames);
    if (names.length > 0) {
      interests.left(names);
      this.#send({ kind: 'unsubscribe', names }, 'unsubscribe', { channels: names });
      return true;
    }
    return this.#recover() || this.#subscribe();
  }

  #recover(): boolean {
    const { places } = this.#owner;
    const channels: string[] = [];
    const since: Record<string, Position> = {};
    let bytes = 0;
    for (const [channel, state] of this.recovering) {
      const offset = places.offsetOf(channel);
      if (state === 'asked' || offset === undefined) continue;
      const position = { ...epochOf(places), offset };
      bytes += sizeOf(channel, position);
      if (channels.length > 0 && (bytes > this.#maxBytes || channels.length >= maxNames)) break;
      channels.push(channel);
      since[channel] = position;
      this.recovering.set(channel, 'asked');
    }
    if (channels.length === 0) return false;
    this.#send({ kind: 'recover', channels }, 'subscribe', { channels, since });
    return true;
  }

  #subscribe(): boolean {
    const { interests, places } = this.#owner;
    const chosen: Interest[] = [];
    const since: Record<string, Position> = {};
    let bytes = 0;
    for (const interest of interests.all()) {
      if (interest.state !== 'wanted') continue;
      const [first = interest] = chosen;
      if (first.wantsSnapshot !== interest.wantsSnapshot) continue;
      const position = positionOf(interest, places, this.#maxBytes);
      bytes += sizeOf(interest.name, position);
      if (chosen.length > 0 && (bytes > this.#maxBytes || chosen.length >= maxNames)) break;
      chosen.push(interest);
      if (position !== undefined) since[interest.name] = position;
    }
    const [first] = chosen;
    if (first === undefined) return false;
    for (const interest of chosen) interest.state = 'asked';
    this.#send({ kind: 'subscribe', interests: chosen, since }, 'subscribe', {
      channels: chosen.map(({ name }) => name),
      ...(Object.keys(since).length > 0 && { since }),
      ...(first.wantsSnapshot && { snapshot: true }),
    });
    return true;
  }

  #send(request: Request, type: string, data: unknown): void {
    const id = ++this.#lastId;
    this.#pending.set(id, { request, sentMs: performance.now() });
    this.#owner.connector.send(JSON.stringify({ type, id, data }));
  }
}

/**
 * Where to go on with an interest; undefined for one that was never held. Under a wildcard the
 * channels that were quiet longest are left out as far as it takes more than `maxBytes`: what the
 * server sends of them again is known to have been seen.
 */
export function positionOf(
  interest: Interest,
  places: Places,
  maxBytes: number,
): Position | undefined {
  const { name, isWildcard, since, coveredMs } = interest;
  if (since !== undefined) return since;
  if (coveredMs === undefined) return undefined;
  const offset = isWildcard ? undefined : places.offsetOf(name);
  if (offset !== undefined) return { ...epochOf(places), offset };
  const offsets: Record<string, number> = {};
  let bytes = 150;
  for (const [channel, last] of places.offsetsUnder(name)) {
    bytes += channel.length + String(last).length + 4;
    if (bytes > maxBytes) break;
    offsets[channel] = last;
  }
  return { ...epochOf(places), ts: Math.floor(coveredMs), offsets };
}

/** A server of v1 does not tell its epoch, and takes positions without. */
function epochOf({ epoch }: Places): { epoch?: string } {
  return epoch === undefined ? {} : { epoch };
}

/** Bytes that a name and its position take in a message, about. */
function sizeOf(name: string, position: Position | undefined): number {
  return 2 * name.length + 10 + (position === undefined ? 0 : JSON.stringify(position).length);
}

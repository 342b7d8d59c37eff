/** Slots: places for connections, in all and in each shard, from the handing over to the close. */

/** What the slots of a node are held against; it may change, and takes nobody's slot away. */
interface SlotLimits {
  readonly maxConnections: number;
}

/** Slots of one shard. */
interface ShardSlots {
  /** Sockets that were handed over and are no connection yet, oldest first, with when that was. */
  readonly pending: Map<number, number>;
  readonly open: Set<number>;
  /** When it was picked last, counted in picks. */
  pickedLast: number;
}

/** How many slots are in use, and how many of those are pending. */
export interface SlotCounts {
  readonly inUse: number;
  readonly pending: number;
}

/** Time from the handing over of a socket to its upgrade, in milliseconds. */
const pendingMs = 10_000;

/** The same where somebody else waits for the slot. */
const silentMs = 1_000;

/**
 * One per node, in the primary. Shards are known by a number, and sockets by one that is unique
 * within their shard.
 */
export class Slots {
  readonly #limits: SlotLimits;
  readonly #shardCount: number;
  readonly #shards = new Map<number, ShardSlots>();
  #inUse = 0;
  #pending = 0;
  #picks = 0;

  /** For a node of `shardCount` shards, whether they run or not: each has that share of all slots. */
  constructor(limits: SlotLimits, shardCount: number) {
    this.#limits = limits;
    this.#shardCount = shardCount;
  }

  /** Slots in use, pending ones included. */
  get inUse(): number {
    return this.#inUse;
  }

  get pending(): number {
    return this.#pending;
  }

  /** Counts of one shard; nothing for one that is not there. */
  ofShard(shard: number): SlotCounts {
    const slots = this.#shards.get(shard);
    return slots === undefined
      ? { inUse: 0, pending: 0 }
      : { inUse: sizeOf(slots), pending: slots.pending.size };
  }

  /** Connections of one shard. */
  openIn(shard: number): number {
    return this.#shards.get(shard)?.open.size ?? 0;
  }

  /** A shard without connections is there. */
  add(shard: number): void {
    this.remove(shard);
    this.#shards.set(shard, { pending: new Map(), open: new Set(), pickedLast: 0 });
  }

  /** It is gone, and its connections with it. */
  remove(shard: number): void {
    const slots = this.#shards.get(shard);
    if (slots === undefined) return;
    this.#inUse -= sizeOf(slots);
    this.#pending -= slots.pending.size;
    this.#shards.delete(shard);
  }

  /**
   * Of the shards that can take a client and have room, the one with the fewest slots in use, and
   * of several the one that was picked longest ago. Undefined when there is none.
   */
  pick(canTake: (shard: number) => boolean): number | undefined {
    let [best, bestSlots]: [number?, ShardSlots?] = [];
    for (const [shard, slots] of this.#shards) {
      if (!this.#hasRoom(slots) || !canTake(shard)) continue;
      if (bestSlots !== undefined && !isBefore(slots, bestSlots)) continue;
      [best, bestSlots] = [shard, slots];
    }
    if (bestSlots !== undefined) bestSlots.pickedLast = ++this.#picks;
    return best;
  }

  /** Whether any of these shards has room. */
  hasRoom(isMeant: (shard: number) => boolean): boolean {
    for (const [shard, slots] of this.#shards) {
      if (isMeant(shard) && this.#hasRoom(slots)) return true;
    }
    return false;
  }

  /** A socket goes to the shard that was just picked for it. */
  take(shard: number, socket: number, nowMs: number): void {
    const slots = this.#shards.get(shard);
    if (slots === undefined || isHeld(slots, socket)) return;
    slots.pending.set(socket, nowMs);
    this.#inUse++;
    this.#pending++;
  }

  /**
   * A socket asks to become a connection. One that has no slot, since it took too long or came by
   * the shard's own port, gets one if there is room. Returns whether it has one.
   */
  opened(shard: number, socket: number): boolean {
    const slots = this.#shards.get(shard);
    if (slots === undefined) return false;
    if (slots.open.has(socket)) return true;
    if (slots.pending.delete(socket)) this.#pending--;
    else if (this.#hasRoom(slots)) this.#inUse++;
    else return false;
    slots.open.add(socket);
    return true;
  }

  /** Whether a socket has a slot as a connection. */
  isOpen(shard: number, socket: number): boolean {
    return this.#shards.get(shard)?.open.has(socket) ?? false;
  }

  /** A socket is closed; gives back what it held, if anything. */
  closed(shard: number, socket: number): void {
    const slots = this.#shards.get(shard);
    if (slots === undefined) return;
    const wasPending = slots.pending.delete(socket);
    if (wasPending) this.#pending--;
    if (wasPending || slots.open.delete(socket)) this.#inUse--;
  }

  /**
   * There is no room: sockets that say nothing must not keep clients out. Gives back the slots of
   * those that had time to say something; returns whether there were any.
   */
  relieve(nowMs: number): boolean {
    return this.#pending > 0 && this.expire(nowMs, silentMs) > 0;
  }

  /** Gives back the slots of sockets that have been pending for `afterMs`; returns how many. */
  expire(nowMs: number, afterMs = pendingMs): number {
    let expired = 0;
    for (const { pending } of this.#shards.values()) {
      for (const [socket, takenMs] of pending) {
        if (nowMs - takenMs < afterMs) break;
        pending.delete(socket);
        expired++;
      }
    }
    this.#inUse -= expired;
    this.#pending -= expired;
    return expired;
  }

  #hasRoom(slots: ShardSlots): boolean {
    const { maxConnections } = this.#limits;
    const room = Math.ceil(maxConnections / this.#shardCount);
    return this.#inUse < maxConnections && sizeOf(slots) < room;
  }
}

function sizeOf({ pending, open }: ShardSlots): number {
  return pending.size + open.size;
}

function isHeld({ pending, open }: ShardSlots, socket: number): boolean {
  return pending.has(socket) || open.has(socket);
}

function isBefore(slots: ShardSlots, other: ShardSlots): boolean {
  return (sizeOf(slots) - sizeOf(other) || slots.pickedLast - other.pickedLast) < 0;
}

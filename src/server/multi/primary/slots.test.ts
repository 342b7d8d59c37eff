/** Slots by example, and against a model that keeps one flat list. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Slots } from './slots.ts';

const always = () => true;

function start(maxConnections: number, shards: readonly number[], shardCount = shards.length) {
  const limits = { maxConnections };
  const slots = new Slots(limits, shardCount);
  for (const shard of shards) slots.add(shard);
  return { limits, slots };
}

/** Hands sockets over until nobody has room; returns who got them. */
function fill(
  slots: Slots,
  canTake: (shard: number) => boolean = always,
  firstSocket = 1_000,
): number[] {
  const picked: number[] = [];
  for (let socket = firstSocket; ; socket++) {
    const shard = slots.pick(canTake);
    if (shard === undefined) return picked;
    slots.take(shard, socket, 0);
    picked.push(shard);
  }
}

const countOf = (shards: readonly number[], shard: number) =>
  shards.filter((other) => other === shard).length;

test('clients are spread evenly and in turn, and never more than allowed', () => {
  const { slots } = start(9_001, [0, 1, 2]);
  const picked = fill(slots);
  expect(picked.slice(0, 6)).toEqual([0, 1, 2, 0, 1, 2]);
  expect(picked).toHaveLength(9_001);
  expect([0, 1, 2].map((shard) => countOf(picked, shard))).toEqual([3_001, 3_000, 3_000]);
});

test('a shard takes no more than its share, also when it is the only one', () => {
  const { slots } = start(10, [0, 1], 3);
  expect(fill(slots)).toHaveLength(8);
  slots.remove(1);
  expect(slots.pick(always)).toBeUndefined();
  expect(slots.inUse).toBe(4);
  slots.add(2);
  expect(fill(slots)).toEqual([2, 2, 2, 2]);
});

test('who cannot take a client is passed over', () => {
  const { slots } = start(9, [0, 1, 2]);
  expect(fill(slots, (shard) => shard !== 1).toSorted()).toEqual([0, 0, 0, 2, 2, 2]);
});

test('a shard that lost clients gets the next ones', () => {
  const { slots } = start(30, [0, 1, 2]);
  for (const [socket, shard] of [0, 1, 2, 0, 1, 2].entries()) {
    slots.take(shard, socket, 0);
  }
  slots.closed(1, 1);
  slots.closed(1, 4);
  expect([slots.pick(always), slots.ofShard(1)]).toEqual([1, { inUse: 0, pending: 0 }]);
});

test('a socket that does not upgrade in time gives its slot back, and may get another', () => {
  const { slots } = start(2, [0]);
  slots.take(0, 1, 0);
  slots.take(0, 2, 4_000);
  expect(slots.pick(always)).toBeUndefined();
  expect(slots.expire(9_999)).toBe(0);
  expect(slots.expire(10_000)).toBe(1);
  expect([slots.inUse, slots.pending]).toEqual([1, 1]);
  expect(slots.opened(0, 1)).toBe(true);
  expect(slots.opened(0, 2)).toBe(true);
  expect([slots.inUse, slots.pending, slots.expire(1e9)]).toEqual([2, 0, 0]);
});

test('a socket that is too late finds its slot taken', () => {
  const { slots } = start(1, [0]);
  slots.take(0, 1, 0);
  slots.expire(10_000);
  slots.take(0, 2, 10_000);
  expect(slots.opened(0, 1)).toBe(false);
  slots.closed(0, 1);
  expect([slots.inUse, slots.opened(0, 2)]).toEqual([1, true]);
});

test('giving back twice gives back once', () => {
  const { slots } = start(4, [0]);
  slots.take(0, 1, 0);
  slots.opened(0, 2);
  for (const socket of [1, 1, 2, 2, 3]) slots.closed(0, socket);
  expect([slots.inUse, slots.pending]).toEqual([0, 0]);
});

test('a lower limit closes nobody, and lets nobody in until there is room', () => {
  const { limits, slots } = start(4, [0, 1]);
  const picked = fill(slots);
  limits.maxConnections = 2;
  expect([slots.inUse, slots.pick(always), slots.opened(0, 99)]).toEqual([4, undefined, false]);
  // Those that were handed over keep their place.
  expect(slots.opened(picked[0]!, 1_000)).toBe(true);
  for (const [n, shard] of picked.entries()) slots.closed(shard, 1_000 + n);
  expect(fill(slots)).toHaveLength(2);
  limits.maxConnections = 6;
  expect(fill(slots, always, 2_000)).toHaveLength(4);
});

test('whatever happens, the slots are those of a list of sockets', () => {
  const shard = fc.constantFrom(0, 1, 2);
  const socket = fc.integer({ min: 0, max: 11 });
  const step = fc.oneof(
    fc.record({ act: fc.constant('hand over' as const), socket, busy: fc.option(shard) }),
    fc.record({ act: fc.constantFrom('open' as const, 'close' as const), shard, socket }),
    fc.record({ act: fc.constant('expire' as const), gapMs: fc.integer({ min: 0, max: 15_000 }) }),
    fc.record({ act: fc.constantFrom('add' as const, 'remove' as const), shard }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(step, { maxLength: 120 }),
      (maxConnections, steps) => {
        const { slots } = start(maxConnections, [0, 1, 2]);
        const model = new Model(maxConnections);
        let nowMs = 0;
        for (const each of steps) {
          switch (each.act) {
            case 'hand over': {
              const picked = slots.pick((other) => other !== each.busy);
              expect(picked).toBe(model.pick(each.busy));
              if (picked === undefined) break;
              slots.take(picked, each.socket, nowMs);
              model.take(picked, each.socket, nowMs);
              break;
            }
            case 'open':
              expect(slots.opened(each.shard, each.socket)).toBe(
                model.opened(each.shard, each.socket),
              );
              break;
            case 'close':
              slots.closed(each.shard, each.socket);
              model.drop((slot) => slot.shard === each.shard && slot.socket === each.socket);
              break;
            case 'expire':
              nowMs += each.gapMs;
              expect(slots.expire(nowMs)).toBe(
                model.drop(({ takenMs }) => nowMs - (takenMs ?? nowMs) >= 10_000),
              );
              break;
            case 'add':
              if (model.lastPick.has(each.shard)) break;
              slots.add(each.shard);
              model.lastPick.set(each.shard, 0);
              break;
            case 'remove':
              slots.remove(each.shard);
              model.lastPick.delete(each.shard);
              model.drop((slot) => slot.shard === each.shard);
          }
          expect(slots.inUse).toBe(model.slots.length);
          expect(slots.pending).toBe(model.pending().length);
          expect(slots.inUse).toBeLessThanOrEqual(maxConnections);
          for (const one of [0, 1, 2]) {
            expect(slots.ofShard(one)).toEqual({
              inUse: model.of(one).length,
              pending: model.pending(model.of(one)).length,
            });
          }
        }
        for (const { shard: one, socket: id } of [...model.slots]) slots.closed(one, id);
        expect([slots.inUse, slots.pending]).toEqual([0, 0]);
      },
    ),
    { seed: 13, numRuns: 2_000 },
  );
});

interface Slot {
  readonly shard: number;
  readonly socket: number;
  /** Undefined once it is open. */
  takenMs: number | undefined;
}

/** The same by brute force: a list, counted anew each time. */
class Model {
  slots: Slot[] = [];
  /** When each shard that is there was picked last. */
  readonly lastPick = new Map([0, 1, 2].map((shard) => [shard, 0]));
  readonly #max: number;
  #picks = 0;

  constructor(max: number) {
    this.#max = max;
  }

  of(shard: number): Slot[] {
    return this.slots.filter((slot) => slot.shard === shard);
  }

  pending(slots = this.slots): Slot[] {
    return slots.filter(({ takenMs }) => takenMs !== undefined);
  }

  pick(busy: number | null): number | undefined {
    const [best] = [...this.lastPick.keys()]
      .filter((shard) => shard !== busy && this.#hasRoom(shard))
      .toSorted(
        (a, b) =>
          this.of(a).length - this.of(b).length || this.lastPick.get(a)! - this.lastPick.get(b)!,
      );
    if (best !== undefined) this.lastPick.set(best, ++this.#picks);
    return best;
  }

  take(shard: number, socket: number, takenMs: number): void {
    if (this.#find(shard, socket) === undefined) this.slots.push({ shard, socket, takenMs });
  }

  opened(shard: number, socket: number): boolean {
    const slot = this.#find(shard, socket);
    if (slot !== undefined) slot.takenMs = undefined;
    else if (!this.lastPick.has(shard) || !this.#hasRoom(shard)) return false;
    else this.slots.push({ shard, socket, takenMs: undefined });
    return true;
  }

  /** Returns how many went. */
  drop(isGone: (slot: Slot) => boolean): number {
    const before = this.slots.length;
    this.slots = this.slots.filter((slot) => !isGone(slot));
    return before - this.slots.length;
  }

  #find(shard: number, socket: number): Slot | undefined {
    return this.of(shard).find((slot) => slot.socket === socket);
  }

  #hasRoom(shard: number): boolean {
    return this.slots.length < this.#max && this.of(shard).length < Math.ceil(this.#max / 3);
  }
}

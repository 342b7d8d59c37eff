/** A small seeded random generator: the same seed gives the same stream on every machine. */

/** A source of uniform numbers in [0, 1). */
export interface Random {
  next(): number;
}

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state, enough for synthetic events. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}

/** A whole number from 0 to `limit - 1`. */
export function randomIndex(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

/** A draw from the normal distribution with mean 0 and deviation 1 (Box–Muller). */
export function randomNormal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}

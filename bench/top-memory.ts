/** What `odin top` keeps in memory: of JavaScript, outside of it, and in the layout's WebAssembly. */

/** Everything in bytes, after a garbage collection. */
export interface Mark {
  readonly updates: number;
  readonly heap: number;
  /** Outside the heap, the whole of the layout's memory included. */
  readonly external: number;
  readonly arrayBuffers: number;
  /** The layout's memory, up to the last byte that was ever written. */
  readonly layout: number;
  readonly rss: number;
}

/** As much of it as is used here: no types of Node have it. */
interface WebAssemblyNamespace {
  Memory: abstract new () => { readonly buffer: ArrayBuffer };
  instantiate(...given: unknown[]): Promise<{ readonly instance: { readonly exports: object } }>;
}

const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyNamespace };
let layoutMemory: { readonly buffer: ArrayBuffer } | undefined;

/** Call it before ink is loaded: only then it is seen which memory the layout has. */
export function watchLayoutMemory(): void {
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...given) => {
    const made = await instantiate(...given);
    const exported: unknown[] = Object.values(made.instance.exports);
    layoutMemory ??= exported.find((value) => value instanceof WebAssembly.Memory);
    return made;
  };
}

/** Needs `--expose-gc`. */
export function markAfter(updates: number): Mark {
  if (globalThis.gc === undefined) throw new Error('start it with --expose-gc');
  // The second one takes what the first one's finalizers have let go.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed: heap, external, arrayBuffers, rss } = process.memoryUsage();
  return { updates, heap, external, arrayBuffers, layout: layoutBytes(), rss };
}

function layoutBytes(): number {
  if (layoutMemory === undefined) throw new Error('the layout was loaded before it was watched');
  const bytes = new Uint8Array(layoutMemory.buffer);
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used--;
  return used;
}

/** Bytes per update, by least squares over the second half. */
export function slopeOf(marks: readonly Mark[], read: (mark: Mark) => number): number {
  const half = marks.slice(Math.floor(marks.length / 2));
  const mean = (of: (mark: Mark) => number) =>
    half.reduce((sum, mark) => sum + of(mark), 0) / half.length;
  const [middle, level] = [mean(({ updates }) => updates), mean(read)];
  return (
    mean((mark) => (mark.updates - middle) * (read(mark) - level)) /
    mean(({ updates }) => (updates - middle) ** 2)
  );
}

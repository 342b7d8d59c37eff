/** Node's own warnings about code that is not ours. */

const silenced = new Set<string>();
/** Warnings that are held back, at most. */
const maxHeld = 20;

/**
 * Keeps Node from printing warnings of one type. For kafkajs: it sets timers with negative delays
 * (tulios/kafkajs#1751), and Node would print a TimeoutNegativeWarning at every start.
 */
export function silenceWarning(type: string): void {
  if (silenced.size === 0) {
    const emit = process.emitWarning.bind(process) as (...args: unknown[]) => void;
    process.emitWarning = ((...args: unknown[]) => {
      const second = args[1] as string | { type?: string } | undefined;
      const given = typeof second === 'object' ? second.type : second;
      if (!silenced.has(given ?? (args[0] as Error).name)) emit(...args);
    }) as typeof process.emitWarning;
  }
  silenced.add(type);
}

/**
 * Keeps warnings from being printed over what has the terminal, until it is disposed of: then the
 * first ones are.
 */
export function holdWarnings(): Disposable {
  const held: unknown[][] = [];
  const { emitWarning } = process;
  process.emitWarning = ((...args: unknown[]) => {
    if (held.length < maxHeld) held.push(args);
  }) as typeof process.emitWarning;
  return {
    [Symbol.dispose]() {
      process.emitWarning = emitWarning;
      for (const args of held) (emitWarning as (...all: unknown[]) => void)(...args);
    },
  };
}

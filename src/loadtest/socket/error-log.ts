/** Counts what went wrong on connections, by class. */
import { type ErrorClass, type ErrorKind, kindOf } from './error-classes.ts';

/** How often a class came up, with the text of its first case. */
export interface ErrorCount extends ErrorKind {
  readonly class: ErrorClass;
  readonly count: number;
  readonly example: string;
}

/** Status and close codes are numbers of the server's choice, so even a closed set has a limit. */
const maxClasses = 200;
const maxExampleChars = 200;

/** Counts errors by class. */
export class ErrorLog {
  readonly #counts = new Map<ErrorClass, { count: number; example: string }>();

  add(errorClass: ErrorClass, example: string, times = 1): void {
    const known = this.#counts.get(errorClass);
    if (known !== undefined) known.count += times;
    else if (this.#counts.size >= maxClasses && errorClass !== 'unknown') {
      this.add('unknown', `${errorClass}: ${example}`, times);
    } else {
      this.#counts.set(errorClass, { count: times, example: example.slice(0, maxExampleChars) });
    }
  }

  /** How many, of all classes. */
  get count(): number {
    return [...this.#counts.values()].reduce((sum, { count }) => sum + count, 0);
  }

  /** Classes by count, most frequent first. */
  list(): ErrorCount[] {
    return [...this.#counts]
      .map(([errorClass, entry]) => ({ class: errorClass, ...kindOf(errorClass), ...entry }))
      .sort((a, b) => b.count - a.count || a.class.localeCompare(b.class));
  }
}

/** Failures of a send that its caller may act on; all others are plain RemoteErrors. */
import { RemoteError } from '../base/errors.ts';

/** Somebody else is the producer of this name now; see `ProducerOptions.exclusiveAs`. */
export class TakenOver extends RemoteError {
  /** Bridges are the only ones with a name; `who` is the other one, as far as that is known. */
  constructor(name: string, { who = '', hint = '', cause }: TakeOver = {}) {
    super(`another bridge${who} carries the same topics of the same source: it took over`, {
      hint: [
        `both are ${name}, and one alone may carry: the one that began last${hint}`,
        'there is nothing to do, unless that other one should not run: then end it, and start this one again',
      ].join('\n'),
      cause,
    });
  }
}

interface TakeOver {
  readonly who?: string;
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The broker will never take at least one of these records: too large, or not to its rules. */
export class RecordsUnfit extends RemoteError {}

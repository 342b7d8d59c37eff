/** RunningServer: what a started server is to whoever started it, in one process or several. */
import type { Broker } from '../broker/broker.ts';
import type { Config } from '../config/schema.ts';
import type { Log } from '../host/log.ts';
import type { GuardSenses } from './guard/guard.ts';
import type { ReloadOutcome } from './reload.ts';

/** What a server is built on. */
export interface ServerDeps {
  readonly broker: Broker;
  readonly nodeId: string;
  readonly log: Log;
  /** What the guard perceives; the resources of the node's processes unless given. */
  readonly senses?: GuardSenses;
}

/**
 * A server that listens. Disposing it lets every client go with 1001, within `drain.budgetMs`, and
 * leaves the broker.
 */
export interface RunningServer extends AsyncDisposable {
  readonly port: number;
  /** Where clients connect: `ws://host:port/ws`. */
  readonly url: string;
  /** Resolves when the history is warm: what the broker held at the start has been read. */
  readonly ready: Promise<void>;
  /** Resolves when it was drained by `POST /api/drain`: it is of no more use. */
  readonly drained: Promise<void>;
  /**
   * Takes on what of a new configuration a running server can, and says what it cannot. Throws a
   * UsageError when a value is no good; then everything stays as it was.
   */
  reload(config: Config['server']): ReloadOutcome;
}

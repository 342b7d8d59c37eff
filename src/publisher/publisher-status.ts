/** What a publisher says of itself, and what its control API may ask of it. */

/** How a run ended. Counts are events. */
export interface PublisherTotals {
  readonly published: number;
  /** Refused by the broker, or not confirmed in time at the end. */
  readonly failed: number;
  /** Of the failed ones those that were not confirmed: the broker may have them or not. */
  readonly unconfirmed: number;
  /** Lines of a recording that were no events. */
  readonly badLines: number;
  /** The largest number of events that were due and had to wait for the broker. */
  readonly behindMax: number;
  /** Due, but given up when the flow was stopped. */
  readonly abandoned: number;
  readonly elapsedMs: number;
}

/** A moment of a run. Counts are events. */
export interface PublisherStatus extends PublisherTotals {
  readonly source: 'market' | 'file';
  readonly running: boolean;
  /** Events per second that are due; undefined for a recording, which has its own pace. */
  readonly targetRate: number | undefined;
  /** Events per second that the broker confirmed in the last five seconds. */
  readonly achievedRate: number;
  readonly tokens: number;
  /** Same seed and tokens, same events; undefined for a recording. */
  readonly seed: number | undefined;
  readonly inFlight: number;
  /** Due now and waiting for the broker. */
  readonly behind: number;
  /** Whether the broker confirms what it is given. */
  readonly healthy: boolean;
  /** Why the run failed, when it did. */
  readonly error: string | undefined;
}

/** What the control API does to a publisher. The methods throw a {@link ControlRefusal}. */
export interface Controls {
  status(): PublisherStatus;
  /** Starts, or starts again, with what is given and otherwise what was set before. */
  start(plan: {
    readonly rate?: number | undefined;
    readonly tokens?: readonly string[] | undefined;
  }): void;
  /** Stops the flow, not the process. Stopping twice is fine. */
  pause(): void;
  /** Another rate from this moment on, also while stopped. */
  setRate(rate: number): void;
}

/** A request that makes sense but not to this publisher, or not now. */
export class ControlRefusal extends Error {}

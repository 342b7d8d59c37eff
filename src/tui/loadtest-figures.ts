/** LoadTestFigures: a running load test as its view shows it. */

/** What is known at one moment. Times are in milliseconds. */
export interface LoadTestFigures {
  readonly url: string;
  readonly phase: 'starting' | 'ramp' | 'hold' | 'ramp-down' | 'settle';
  /** Name of the stage; that of the phase when it has none. */
  readonly stage: string;
  readonly elapsedMs: number;
  readonly clients: {
    readonly target: number;
    readonly active: number;
    readonly failed: number;
    /** Open when their worker, or the agent it ran on, was lost. */
    readonly vanished: number;
    readonly dropped: number;
    readonly reconnected: number;
  };
  /** Each kind of clients, when there are several; those apart are not among {@link clients}. */
  readonly kinds: readonly ClientKind[];
  readonly connect: Percentiles | undefined;
  readonly eventsPerSecond: number;
  readonly received: number;
  readonly latency: Percentiles | undefined;
  /** Of the last intervals, oldest first; undefined where nothing was measured. */
  readonly rates: readonly (number | undefined)[];
  readonly latencyP99s: readonly (number | undefined)[];
  /** Deliveries that went wrong, by name, zeros included. */
  readonly delivery: readonly Count[];
  /** By class, the most frequent first. */
  readonly errors: readonly Count[];
  readonly generator: {
    readonly workers: number;
    /** Of the busiest worker; 100 is one core. */
    readonly cpuPercent: number;
    readonly loopDelayP99Ms: number;
    readonly rssBytes: number;
  };
  /** Where these figures are served for Prometheus; undefined where they are not. */
  readonly metricsUrl: string | undefined;
  /** Why it has none, where the server does not tell; undefined before the first answer. */
  readonly server: ServerHealth | string | undefined;
}

/** Clients of one kind. */
export interface ClientKind {
  readonly name: string;
  readonly active: number;
  readonly target: number;
  /** Whether they misbehave on purpose, and count in no other figure. */
  readonly isApart: boolean;
}

/** Of a distribution. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How often something happened; bad ones stand out where they did. */
export interface Count {
  readonly name: string;
  readonly count: number;
  readonly isBad: boolean;
}

/** What the server says of itself. */
export interface ServerHealth {
  readonly ready: boolean;
  readonly clients: number;
  readonly behind: number;
  readonly guardLevel: number;
}

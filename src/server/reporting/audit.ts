/** Audit: log lines about decisions against clients, at most a few per second and kind. */
import { performance } from 'node:perf_hooks';
import type { Log } from '../../host/log.ts';
import { type AuditKind, bump, type Counters } from './counters.ts';

/** Lines of one kind that a second may hold; the rest is counted. */
const maxPerSecond = 10;

interface Window {
  startedMs: number;
  written: number;
  suppressed: number;
}

/** Writes audit lines. `suppressed` on a line says how many of its kind were left out before it. */
export class Audit {
  readonly #log: Log;
  readonly #counters: Pick<Counters, 'auditSuppressed'>;
  readonly #nowMs: () => number;
  readonly #windows = new Map<AuditKind, Window>();

  constructor(
    log: Log,
    counters: Pick<Counters, 'auditSuppressed'>,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#log = log;
    this.#counters = counters;
    this.#nowMs = nowMs;
  }

  /** Notes one decision. `message` is a constant sentence; `fields` hold no secret. */
  note(kind: AuditKind, message: string, fields: Readonly<Record<string, unknown>>): void {
    const window = this.#window(kind);
    if (window.written >= maxPerSecond) {
      window.suppressed++;
      bump(this.#counters.auditSuppressed, kind);
      return;
    }
    window.written++;
    const { suppressed } = window;
    window.suppressed = 0;
    this.#log.warn({ audit: kind, ...fields, ...(suppressed > 0 ? { suppressed } : {}) }, message);
  }

  #window(kind: AuditKind): Window {
    const nowMs = this.#nowMs();
    let window = this.#windows.get(kind);
    if (window === undefined) {
      window = { startedMs: nowMs, written: 0, suppressed: 0 };
      this.#windows.set(kind, window);
    } else if (nowMs - window.startedMs >= 1_000) {
      window.startedMs = nowMs;
      window.written = 0;
    }
    return window;
  }
}

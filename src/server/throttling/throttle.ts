/** Throttle: how much each lagging connection is spared, from how often its socket was full. */
import { controlMessages } from '../../protocol/server-messages.ts';
import type { Connection } from '../clients/connection.ts';
import type { Frame } from '../delivery/channel.ts';
import type { History } from '../delivery/history.ts';
import type { Audit } from '../reporting/audit.ts';
import { bump, type Counters } from '../reporting/counters.ts';
import { resumeReason } from './resume-reason.ts';
import {
  isSpared,
  type Lag,
  ratePercent,
  type ThrottleLevel,
  type ThrottleSettings,
} from './sparing.ts';

/** Saturated flushes after which the level goes up; the seeds' number of failed attempts. */
const saturatedPerLevel = 3;
/** Bounds of how often recovered clients are looked for, in milliseconds. */
const checkMs = { min: 20, max: 1_000 };

/** What clients are told at each level. */
const messages = [
  'connection recovered: all events again',
  'connection is slow: some events are skipped while it lags',
  'connection is slow: events are skipped while it lags',
  'connection is very slow: most events are skipped while it lags; the next step is a disconnect',
] as const;

/** Owns the levels. A connection that never had a full socket costs nothing here. */
export class Throttle {
  readonly #settings: ThrottleSettings;
  readonly #history: History;
  readonly #counters: Counters;
  readonly #audit: Audit;
  readonly #nowMs: () => number;
  /** Connections with a {@link Lag}: at most all of them. */
  readonly #lagging = new Set<Connection>();
  readonly #clientsAt = [0, 0, 0, 0];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    settings: ThrottleSettings,
    history: History,
    counters: Counters,
    audit: Audit,
    nowMs: () => number,
  ) {
    this.#settings = settings;
    this.#history = history;
    this.#counters = counters;
    this.#audit = audit;
    this.#nowMs = nowMs;
  }

  /** Connections that are at a level from 1 to 3 now. */
  clientsAt(level: 1 | 2 | 3): number {
    return this.#clientsAt[level] as number;
  }

  /** Connections whose socket was full lately. */
  get lagging(): Iterable<Connection> {
    return this.#lagging;
  }

  /** Whether a connection at `level` is not sent a frame; counted if so. */
  spares(level: ThrottleLevel, frame: Frame, end: number): boolean {
    if (!isSpared(this.#settings, level, frame, end)) return false;
    bump(this.#counters.spared, frame.type);
    return true;
  }

  /**
   * Tells that a flush found the socket of a straggler full, or left it so. Counts once per
   * `saturationMs`, so that a stall of a moment is no reason; the third count raises the level.
   */
  saturated(connection: Connection): void {
    if (this.#settings.strategy === 'none' || connection.isClosing) return;
    const nowMs = this.#nowMs();
    const lag = connection.lag ?? this.#start(connection);
    lag.calmSinceMs = nowMs;
    if (nowMs - lag.countedMs < this.#settings.saturationMs) return;
    lag.countedMs = nowMs;
    if (++lag.saturated < saturatedPerLevel) return;
    if (lag.level >= this.#settings.maxLevel) this.#disconnect(connection, lag);
    else this.#change(connection, lag, (lag.level + 1) as ThrottleLevel);
  }

  /** Lowers the levels of those whose socket was not full for long enough. */
  relax(): void {
    const nowMs = this.#nowMs();
    for (const connection of this.#lagging) {
      const lag = connection.lag as Lag;
      // Nothing was flushed to a stalled client while nothing happened: that is no recovery.
      if (connection.isBehind || nowMs - lag.calmSinceMs < this.#settings.recoveryMs) continue;
      lag.calmSinceMs = nowMs;
      if (lag.level === 0) this.forget(connection);
      else this.#change(connection, lag, (lag.level - 1) as ThrottleLevel);
    }
  }

  /** Takes a connection out: it recovered long ago, or is closed. */
  forget(connection: Connection): void {
    if (!this.#lagging.delete(connection)) return;
    this.#clientsAt[connection.lag?.level ?? 0]!--;
    connection.lag = undefined;
    if (this.#lagging.size === 0) this.stop();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #start(connection: Connection): Lag {
    const lag: Lag = {
      level: 0,
      saturated: 0,
      countedMs: Number.NEGATIVE_INFINITY,
      calmSinceMs: 0,
    };
    connection.lag = lag;
    this.#lagging.add(connection);
    this.#clientsAt[0]!++;
    const { min, max } = checkMs;
    const everyMs = Math.max(min, Math.min(max, this.#settings.recoveryMs / 4));
    this.#timer ??= setInterval(() => this.relax(), everyMs);
    return lag;
  }

  #change(connection: Connection, lag: Lag, level: ThrottleLevel): void {
    const from = lag.level;
    lag.level = level;
    lag.saturated = 0;
    this.#clientsAt[from]!--;
    this.#clientsAt[level]!++;
    bump(this.#counters.throttleTransitions, `${from} ${level}` as const);
    const percent = ratePercent(this.#settings, level);
    connection.send(controlMessages.throttleUpdate(level, percent, messages[level]));
    const fields = { connection: connection.id, from, to: level };
    this.#audit.note('throttled', 'throttle level changed', fields);
  }

  #disconnect(connection: Connection, lag: Lag): void {
    const fields = { reason: 'tooSlow', connection: connection.id, throttleLevel: lag.level };
    this.#audit.note('disconnected_by_policy', 'client disconnected', fields);
    connection.close('tooSlow', resumeReason(connection, this.#history));
  }
}

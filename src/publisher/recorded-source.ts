/** Recorded events at their own pace: a stream of lines, read a bounded way ahead. */
import type { Readable } from 'node:stream';
import { messageOf, PreflightError } from '../base/errors.ts';
import { cannotRead } from '../base/file-fault.ts';
import type { OutgoingRecord } from '../broker/broker.ts';
import { payloadComplaint } from '../events/payloads.ts';
import type { Log } from '../host/log.ts';
import type { Clock } from './clock.ts';
import { type Line, readLines } from './lines.ts';
import { parseRecordedEvent, type RecordedEvent } from './recorded-event.ts';
import type { Source } from './source.ts';

const maxLineBytes = 1024 * 1024;
/** How far to read ahead of what is due; then the reader waits, and with it the file or the pipe. */
const maxAheadEvents = 10_000;
const maxAheadBytes = 16 * 1024 * 1024;
/** Bad lines that are told one by one; the rest is counted. */
const maxToldLines = 20;
const maxReasonLength = 300;

/** What a {@link RecordedSource} plays. */
export interface Recording {
  /** For messages; `-` is standard input. */
  readonly path: string;
  readonly input: Readable;
  /** How many times faster than recorded; above 0. */
  readonly speed: number;
}

interface Waiting {
  readonly recorded: RecordedEvent;
  /** Time since the first event of the recording, at the speed asked for. */
  readonly afterMs: number;
  readonly lineBytes: number;
}

/**
 * Plays a recording. Distances between events are kept; an event that is older than the one before
 * it is sent together with it. The `timestamp` that is published is the new planned time: with the
 * recorded one, nobody could measure how long an event took.
 */
export class RecordedSource implements Source {
  onReady: () => void = () => {};
  error: Error | undefined;
  readonly #remarked = new Set<string>();
  badLines = 0;
  readonly #recording: Recording;
  readonly #clock: Clock;
  readonly #log: Log;
  #ahead: Waiting[] = [];
  /** Entries of `#ahead` before this one are taken; they go when they are the greater part. */
  #next = 0;
  #aheadBytes = 0;
  #room: (() => void) | undefined;
  #firstTimestamp: number | undefined;
  #lastAfterMs = 0;
  /** When the first event is due; moved on by the length of each pause. */
  #baseMs: number | undefined;
  #startedMs: number | undefined;
  #pausedMs: number | undefined;
  #read = false;
  #disposed = false;
  readonly #reading: Promise<void>;
  readonly #opened = Promise.withResolvers<void>();

  private constructor(recording: Recording, clock: Clock, log: Log) {
    this.#recording = recording;
    this.#clock = clock;
    this.#log = log;
    this.#reading = this.#readAll();
  }

  /** Opens a recording. Rejects with a UsageError when the file cannot be opened. */
  static async open(recording: Recording, clock: Clock, log: Log): Promise<RecordedSource> {
    const source = new RecordedSource(recording, clock, log);
    // Standard input may be silent for a long time, and it cannot be missing.
    if (recording.path !== '-') await source.#opened.promise;
    if (source.error !== undefined) throw source.error;
    return source;
  }

  get ended(): boolean {
    return this.#read && this.#next === this.#ahead.length;
  }

  start(nowMs: number): void {
    if (this.#pausedMs !== undefined && this.#baseMs !== undefined) {
      this.#baseMs += nowMs - this.#pausedMs;
    }
    this.#pausedMs = undefined;
    this.#startedMs = nowMs;
    if (this.#baseMs === undefined && this.#ahead.length > 0) this.#baseMs = nowMs;
  }

  /** A recording is only interrupted: everything due is sent later, so nothing is given up. */
  stop(nowMs: number): number {
    this.#pausedMs ??= nowMs;
    return 0;
  }

  take(nowMs: number, limit: number): OutgoingRecord[] {
    const due = Math.min(this.behind(nowMs), limit);
    const records: OutgoingRecord[] = [];
    for (let index = 0; index < due; index++) {
      const waiting = this.#ahead[this.#next++] as Waiting;
      this.#aheadBytes -= waiting.lineBytes;
      records.push(this.#record(waiting));
    }
    if (this.#next > this.#ahead.length / 2) {
      this.#ahead = this.#ahead.slice(this.#next);
      this.#next = 0;
    }
    if (this.#hasRoom()) this.#room?.();
    return records;
  }

  waitMs(nowMs: number): number {
    const next = this.#ahead[this.#next];
    if (next === undefined || !this.#running()) return Number.POSITIVE_INFINITY;
    return Math.max(0, (this.#baseMs as number) + next.afterMs - nowMs);
  }

  behind(nowMs: number): number {
    if (!this.#running()) return 0;
    let low = this.#next;
    let high = this.#ahead.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const dueMs = (this.#baseMs as number) + (this.#ahead[middle] as Waiting).afterMs;
      if (dueMs <= nowMs) low = middle + 1;
      else high = middle;
    }
    return low - this.#next;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#room?.();
    this.#recording.input.destroy();
    await this.#reading;
  }

  #running(): boolean {
    return (
      this.#startedMs !== undefined && this.#pausedMs === undefined && this.#baseMs !== undefined
    );
  }

  #hasRoom(): boolean {
    return this.#ahead.length - this.#next < maxAheadEvents && this.#aheadBytes < maxAheadBytes;
  }

  async #readAll(): Promise<void> {
    try {
      for await (const line of readLines(this.#recording.input, maxLineBytes)) {
        this.#opened.resolve();
        this.#add(line);
        while (!this.#hasRoom() && !this.#disposed) {
          await new Promise<void>((resolve) => {
            this.#room = resolve;
          });
        }
        if (this.#disposed) break;
      }
    } catch (error) {
      if (!this.#disposed) this.error = readingError(this.#recording.path, error);
    }
    this.#read = true;
    if (this.badLines > 0) this.#log.warn({ badLines: this.badLines }, 'bad lines were skipped');
    this.#opened.resolve();
    this.onReady();
  }

  /** Data that is not what odin's own events carry is published all the same, and said once. */
  #remark(line: number, { event: { type, data } }: RecordedEvent): void {
    if (this.#remarked.has(type)) return;
    const reason = payloadComplaint(type, data);
    if (reason === undefined) return;
    this.#remarked.add(type);
    this.#log.info({ line, reason }, 'data differs from what odin invents for this type');
  }

  #add({ number, text }: Line): void {
    const recorded =
      text === undefined
        ? { reason: `longer than ${maxLineBytes} bytes` }
        : parseRecordedEvent(text);
    if ('reason' in recorded) {
      this.badLines++;
      const reason = recorded.reason.slice(0, maxReasonLength);
      if (this.badLines <= maxToldLines) this.#log.warn({ line: number, reason }, 'skipped a line');
      return;
    }
    this.#remark(number, recorded);
    const { timestamp } = recorded.event;
    this.#firstTimestamp ??= timestamp;
    const afterMs = (timestamp - this.#firstTimestamp) / this.#recording.speed;
    this.#lastAfterMs = Math.max(this.#lastAfterMs, afterMs);
    const lineBytes = (text as string).length;
    this.#ahead.push({ recorded, afterMs: this.#lastAfterMs, lineBytes });
    this.#aheadBytes += lineBytes;
    if (this.#startedMs !== undefined && this.#pausedMs === undefined) {
      this.#baseMs ??= this.#clock.nowMs();
    }
    if (this.#ahead.length - this.#next === 1) this.onReady();
  }

  #record({ recorded: { topic, key, event }, afterMs }: Waiting): OutgoingRecord {
    const timestampMs = Math.round(this.#clock.wallMs((this.#baseMs as number) + afterMs));
    const value = JSON.stringify({ type: event.type, timestamp: timestampMs, data: event.data });
    return { topic, key, value, timestampMs };
  }
}

function readingError(path: string, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (!/^(ENOENT|EISDIR|ENOTDIR|EACCES)$/.test(code ?? '')) {
    return new PreflightError(`cannot read on in ${path}: ${messageOf(error)}`, { cause: error });
  }
  return cannotRead(path, error, '--file');
}

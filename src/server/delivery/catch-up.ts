/** Catching up: those who lag are served from the history, as far and as much as they can take. */
import { controlMessages } from '../../protocol/server-messages.ts';
import type { Connection } from '../clients/connection.ts';
import type { Counters } from '../reporting/counters.ts';
import type { Throttle } from '../throttling/throttle.ts';
import { joinV1, joinV2 } from './batch.ts';
import type { Frame } from './channel.ts';
import type { History } from './history.ts';
import type { SocketWriter } from './socket-writer.ts';

/** Most bytes that one step of catching up puts into a socket. */
const catchUpBytes = 64 * 1024;
/** Most channels that one `skipped` message names, so that it stays below 32 KiB. */
const maxSkippedChannels = 500;

/** Serves stragglers. What it keeps of one is its place in a set. */
export class CatchUp {
  readonly #history: History;
  readonly #throttle: Throttle;
  readonly #writer: SocketWriter;
  readonly #counters: Counters;
  readonly #waiting = new Set<Connection>();
  #behind = 0;

  constructor(history: History, throttle: Throttle, writer: SocketWriter, counters: Counters) {
    this.#history = history;
    this.#throttle = throttle;
    this.#writer = writer;
    this.#counters = counters;
  }

  /** Connections whose socket is full and that wait for it to drain. */
  get behind(): number {
    return this.#behind;
  }

  /** All stragglers: the next flush looks at them. */
  get waiting(): Iterable<Connection> {
    return this.#waiting;
  }

  add(connection: Connection): void {
    this.#waiting.add(connection);
  }

  /** Takes in a connection whose socket a flush has just filled. */
  fellBehind(connection: Connection): void {
    this.#counters.fellBehind++;
    this.#waiting.add(connection);
    this.#stall(connection);
  }

  /** Lets go of a connection that is level, or closed. */
  remove(connection: Connection): void {
    this.#waiting.delete(connection);
    if (connection.isBehind) this.#setBehind(connection, false);
  }

  /**
   * Serves a straggler from its cursor up to history index `end`, as far as its socket takes it.
   * Returns whether it got there. Called when the socket has drained and at every flush.
   */
  serve(connection: Connection, end: number): boolean {
    if (connection.isClosing) return false;
    if (connection.isBehind) {
      if (connection.bufferedBytes > 0) {
        this.#throttle.saturated(connection);
        return false;
      }
      this.#setBehind(connection, false);
    }
    while (connection.missed.length > 0 || connection.cursor < end) {
      if (connection.cursor < this.#history.first) {
        connection.close('tooSlow');
        return false;
      }
      const frames =
        connection.missed.length > 0 ? takeMissed(connection) : this.#next(connection, end);
      const isFull =
        frames.length > 0 ? !this.#send(connection, frames) : this.#writer.isFull(connection);
      if (isFull) {
        this.#stall(connection);
        return false;
      }
    }
    return true;
  }

  /** Frames for a straggler from its cursor on; moves the cursor behind them. */
  #next(connection: Connection, end: number): readonly Frame[] {
    const level = connection.lag?.level ?? 0;
    const skipped = level === 0 ? undefined : new Map<string, number>();
    const frames: Frame[] = [];
    let size = 0;
    while (connection.cursor < end && size < catchUpBytes) {
      const frame = this.#history.at(connection.cursor++);
      if (!connection.wants(frame)) continue;
      if (skipped !== undefined && this.#throttle.spares(level, frame, end)) {
        const { name } = frame.channel;
        skipped.set(name, (skipped.get(name) ?? 0) + 1);
        if (skipped.size === maxSkippedChannels) break;
        continue;
      }
      frames.push(frame);
      size += frame.bytes.length;
    }
    // Said before the events that follow: their `prev` shows a gap that is then no loss.
    if (skipped !== undefined && skipped.size > 0) {
      connection.send(controlMessages.skipped(Object.fromEntries(skipped)));
    }
    return frames;
  }

  /** Never compressed: these bytes are one connection's own. */
  #send(connection: Connection, frames: readonly Frame[]): boolean {
    const buffer =
      connection.version === 'v2' ? joinV2(frames) : joinV1(frames, connection.takeSeq(frames));
    this.#counters.buffersBuilt++;
    return this.#writer.write(connection, buffer, frames.length);
  }

  #stall(connection: Connection): void {
    this.#setBehind(connection, true);
    this.#throttle.saturated(connection);
  }

  #setBehind(connection: Connection, isBehind: boolean): void {
    connection.isBehind = isBehind;
    this.#behind += isBehind ? 1 : -1;
  }
}

/** The next missed frames of a connection, as many as one step of catching up may hold. */
function takeMissed(connection: Connection): readonly Frame[] {
  const { missed } = connection;
  let count = 0;
  for (let size = 0; count < missed.length && size < catchUpBytes; count++) {
    size += (missed[count] as Frame).bytes.length;
  }
  connection.missed = missed.slice(count);
  return missed.slice(0, count);
}

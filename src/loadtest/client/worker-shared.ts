/** What all clients of one worker share, whatever kind they are: buffers, readers, the channel book. */
import { ChannelBook } from '../delivery/channel-book.ts';
import { rawReader } from '../raw/raw-events.ts';
import { CatchUp } from '../socket/catch-up.ts';
import { Dialer } from '../socket/dial.ts';
import type { Target } from '../socket/target.ts';
import { ClockEstimator } from './clock-offset.ts';
import { MessageReader } from './message-reader.ts';

/** Reads of at most this size; a full one means that the kernel has more. */
const readBufferBytes = 64 * 1024;
/** What servers take from a client when they do not say otherwise, in bytes. */
const defaultMessageBytes = 16 * 1024;

/** Node reads one socket at a time, so one buffer serves all. */
export class WorkerShared {
  readonly dialer: Dialer;
  readonly readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);
  readonly book: ChannelBook;
  readonly messages: MessageReader;
  readonly clock = new ClockEstimator();
  readonly catchUp = new CatchUp();
  /** Longest message that the server takes, in bytes. */
  maxMessageBytes = defaultMessageBytes;
  #epoch: string | undefined;

  /** `hasLateReaders`: some clients read later what others have long since. */
  constructor(target: Target, workers: number, hasLateReaders = false) {
    const { raw } = target;
    this.dialer = new Dialer(target, workers);
    this.book = new ChannelBook({ isForeign: raw !== undefined, hasLateReaders });
    this.messages = new MessageReader(this.book, raw && rawReader(raw, this.book));
  }

  /**
   * Takes the epoch of a `welcome`. Another one than before makes all known offsets void; returns
   * whether it is.
   */
  enterEpoch(epoch: string): boolean {
    const isOther = this.#epoch !== undefined && this.#epoch !== epoch;
    if (isOther) {
      this.book.reset();
      this.messages.reset();
    }
    this.#epoch = epoch;
    return isOther;
  }
}

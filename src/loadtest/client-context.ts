/** What all clients of one worker share: target, buffers, readers and counters. */
import { performance } from 'node:perf_hooks';
import type { Histogram } from '../base/histogram.ts';
import { ChannelBook } from './channel-book.ts';
import { ClockEstimator } from './clock-offset.ts';
import { phaseHistograms } from './connect-phases.ts';
import { Dialer } from './dial.ts';
import { ErrorLog } from './error-log.ts';
import { MessageReader } from './message-reader.ts';
import type { LoadTestConfig } from './plan.ts';
import { rawReader } from './raw/raw-events.ts';
import type { Patience } from './return-policy.ts';
import { SequenceLedger } from './sequence-ledger.ts';
import type { Target } from './target.ts';

/** What every client needs to know. */
interface ClientSettings extends Patience {
  readonly target: Target;
  /** Workers of the run, which take the clients in turn. */
  readonly workers: number;
  readonly protocol: LoadTestConfig['protocol'];
  /** How long one attempt may take until its subscription is acknowledged. */
  readonly connectTimeoutMs: number;
}

/** Codes of refusals are the server's choice; what comes after so many is counted together. */
const maxRefusalCodes = 50;

/** Counters of one worker's clients. */
class ClientCounters {
  /** Clients that were open at least once. */
  opened = 0;
  /** Clients that never got a connection. */
  failed = 0;
  /** Connections lost after they were open. */
  dropped = 0;
  reconnected = 0;
  /** Clients that are open now. */
  active = 0;
  /** Clients that went when they had to. */
  left = 0;
  /** Events, over the whole run. */
  received = 0;
  /** WebSocket text messages. */
  frames = 0;
  /** Bytes read from sockets, handshakes included. */
  bytes = 0;
  control = 0;
  badMessages = 0;
  /** v1 numbers that did not follow the one before. */
  seqBreaks = 0;
  /** Times the positions of the server started anew. */
  epochChanges = 0;
  /** Connections left because the server asked for it. */
  moved = 0;
  /** `error` messages on open connections. */
  serverErrors = 0;
  /** `gap` messages. */
  gapNotices = 0;
  /** `throttle_update` messages. */
  throttleUpdates = 0;
  /** `reconnect_notice` messages. */
  reconnectNotices = 0;
  /** Clients that were never let in, by the code of the last refusal. */
  readonly refused = new Map<string, number>();
  /** Close codes that the server sent. */
  readonly closeCodes = new Map<number, number>();

  /** Counts a client that was never let in. */
  countRefusal(refusal: string): void {
    const { refused } = this;
    const code = refused.has(refusal) || refused.size < maxRefusalCodes ? refusal : 'OTHER';
    refused.set(code, (refused.get(code) ?? 0) + 1);
  }

  /** Clients of which is known whether they could connect. */
  get settled(): number {
    return this.opened + this.failed;
  }
}

/** Reads of at most this size; a full one means that the kernel has more. */
const readBufferBytes = 64 * 1024;
/** What servers take from a client when they do not say otherwise, in bytes. */
const defaultMessageBytes = 16 * 1024;

let clockAheadMs = 0;

/** Milliseconds since 1970 with a fraction, from a clock that never jumps. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now() - clockAheadMs;
}

/** Puts this process's {@link epochMs} back, so that workers on all machines have one time. */
export function putClockBack(byMs: number): void {
  clockAheadMs = byMs;
}

/** The shared state of one worker. Node reads one socket at a time, so one buffer serves all. */
export class ClientContext {
  readonly settings: ClientSettings;
  readonly dialer: Dialer;
  readonly readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);
  readonly counters = new ClientCounters();
  readonly errors = new ErrorLog();
  readonly book: ChannelBook;
  readonly messages: MessageReader;
  readonly ledger: SequenceLedger;
  /** Since the planned start, of clients that opened for the first time. */
  readonly phases = phaseHistograms();
  readonly clock = new ClockEstimator();
  /** From the event's own time to its arrival, in the present stage; undefined between stages. */
  stageLatencyMs: Histogram | undefined;
  /** When the current chunk was read. */
  nowMs = epochMs();
  /** Longest message that the server takes, in bytes. */
  maxMessageBytes = defaultMessageBytes;
  #epoch: string | undefined;

  constructor(settings: ClientSettings) {
    const { raw } = settings.target;
    this.settings = settings;
    this.book = new ChannelBook(raw !== undefined);
    this.messages = new MessageReader(this.book, raw && rawReader(raw, this.book));
    this.ledger = new SequenceLedger(this.book, () => this.nowMs);
    this.dialer = new Dialer(settings.target, settings.workers);
  }

  /** Takes the epoch of a `welcome`; another one than before makes all known offsets void. */
  enterEpoch(epoch: string): void {
    if (this.#epoch !== undefined && this.#epoch !== epoch) {
      this.counters.epochChanges++;
      this.book.reset();
      this.messages.reset();
    }
    this.#epoch = epoch;
  }
}

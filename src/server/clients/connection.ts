/** Connection: one client's session, a cursor on the history and the socket it writes to. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { type DisconnectName, disconnects } from '../../protocol/disconnects.ts';
import type { ProtocolVersion } from '../../protocol/versions.ts';
import { frameOf, opcodes } from '../../protocol/websocket-frame.ts';
import type { Deflating } from '../compression/deflate-offer.ts';
import type { Frame } from '../delivery/channel.ts';
import type { Cohort } from '../delivery/cohort.ts';
import { isGranted } from '../security/channel-grants.ts';
import type { Principal } from '../security/principal.ts';
import type { Lag } from '../throttling/sparing.ts';

const pingFrame = frameOf(Buffer.alloc(0), opcodes.ping);

/** Messages that a v1 client may ask for again, by their numbers. */
export const maxReplay = 100;

/** Changes of subscriptions that a connection may make while it lags; then it is closed. */
const maxPast = 256;

/** What a connection held for frames below a history index. */
interface PastSubscriptions {
  readonly until: number;
  readonly held: ReadonlySet<string>;
}

/** Shared by all who have no past, which is nearly everybody. */
const none: readonly never[] = [];

/** One client. `ws` reads its socket and closes it; events are written past `ws`, shared. */
export class Connection {
  readonly id: number;
  readonly version: ProtocolVersion;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  cohort: Cohort<Connection>;
  /** Place in its cohort's members. */
  memberIndex = -1;
  /** History index of the next frame to look at; means something for stragglers only. */
  cursor = 0;
  /** Missed events that go before everything else; with them it is a straggler. */
  missed: readonly Frame[] = none;
  /** Its cohort's shared flushes have everything for it from this history index on. */
  joinsAt = 0;
  /** How it takes events: as they are, or deflated. */
  deflating: Deflating = 'none';
  /** How it lags; undefined while its socket was never full of late. */
  lag: Lag | undefined;
  /** Position of its cohort's context since which it has everything deflated. */
  contextFrom = Number.POSITIVE_INFINITY;
  /** Whether its socket holds so much that nothing more is written until it drains. */
  isBehind = false;
  /** Whose it is; undefined when nobody needs a token. */
  principal: Principal | undefined;
  /** Its message limit; see `judgeMessage`. */
  messageBucket = 0;
  strikes = 0;
  /** Why it was closed by us; undefined while open or closed by the client. */
  closedAs: DisconnectName | undefined;
  /** Time of the last sign of life and of the last ping, on the node's monotonic clock. */
  seenMs: number;
  pingedMs: number;
  /** When it has lasted long enough and is to come back, on the same clock; usually never. */
  endsMs = Number.POSITIVE_INFINITY;
  #seq = 0;
  /** History indexes of the newest frames of a v1 client, by number modulo their count. */
  #sent: Float64Array | undefined;
  /** Subscriptions it gave up while it was a straggler, oldest first. */
  #past: readonly PastSubscriptions[] = none;

  constructor(
    id: number,
    version: ProtocolVersion,
    webSocket: WebSocket,
    socket: Socket,
    cohort: Cohort<Connection>,
    nowMs: number,
  ) {
    this.id = id;
    this.version = version;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.cohort = cohort;
    this.seenMs = nowMs;
    this.pingedMs = nowMs;
  }

  /** Whether its token allows every channel that a canonical subscription covers. */
  maySee(subscription: string): boolean {
    return this.principal === undefined || isGranted(this.principal.grants, subscription);
  }

  /** What it is known by at the gate. */
  get socket(): Socket {
    return this.#socket;
  }

  /** Bytes that its socket has not handed to the kernel. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  get isClosing(): boolean {
    return this.#webSocket.readyState !== this.#webSocket.OPEN;
  }

  /** Writes whole frames; false when the socket wants to be left alone until it drains. */
  write(frames: Buffer): boolean {
    return this.isClosing || this.#socket.write(frames);
  }

  /** Writes one control message. */
  send(message: string): void {
    this.write(frameOf(Buffer.from(message)));
  }

  ping(nowMs: number): void {
    this.pingedMs = nowMs;
    this.write(pingFrame);
  }

  /** The first of the numbers for frames that go to a v1 client; the newest are remembered. */
  takeSeq(frames: readonly Frame[]): number {
    const first = this.#seq + 1;
    this.#sent ??= new Float64Array(maxReplay).fill(-1);
    for (const { index } of frames) this.#sent[++this.#seq % maxReplay] = index;
    return first;
  }

  /** History index of the frame that had a v1 number; undefined when it was too long ago. */
  indexOfSeq(seq: number): number | undefined {
    if (seq < 1 || seq > this.#seq || seq <= this.#seq - maxReplay) return undefined;
    const index = this.#sent?.[seq % maxReplay] ?? -1;
    return index < 0 ? undefined : index;
  }

  /** Whether a straggler is to get a frame: whether it held the channel from then until now. */
  wants({ channel, index }: Frame): boolean {
    if (!channel.isIn(this.cohort.subscriptions)) return false;
    return this.#past.every(({ until, held }) => index >= until || channel.isIn(held));
  }

  /** Notes what a straggler held until history index `until`, where its subscriptions change. */
  changedAt(until: number, held: ReadonlySet<string>): void {
    this.joinsAt = until;
    this.#past = [...this.#past, { until, held }];
    if (this.#past.length > maxPast) this.close('tooSlow');
  }

  /** Forgets what only a straggler needs. */
  caughtUp(): void {
    this.#past = none;
  }

  /**
   * Starts a closing handshake; what its socket holds is sent first, within `ws`'s time limit.
   * A `reason` of its own has at most 123 bytes (RFC 6455 §5.5).
   */
  close(name: DisconnectName, reason: string = disconnects[name].reason): void {
    if (this.isClosing) return;
    this.closedAs = name;
    this.#webSocket.close(disconnects[name].code, reason);
  }

  /** Closes at once: says why, but waits for nobody. */
  terminate(name: DisconnectName): void {
    this.close(name);
    this.#webSocket.terminate();
  }
}

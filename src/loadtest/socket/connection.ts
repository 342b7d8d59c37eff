/** One socket of a virtual client: connect, upgrade, frames in, and how it ended. */
import type { Socket } from 'node:net';
import type { ClientContext } from '../client/client-context.ts';
import { epochMs } from '../run-clock.ts';
import type { ConnectionEnd, ConnectionOwner, MessageReceiver } from './connection-owner.ts';
import { pongFrame } from './control-frames.ts';
import { cut } from './dial.ts';
import { classify, type ErrorClass, isCloseCode, type Phase, wordsOf } from './error-classes.ts';
import { type FrameHandler, FrameReader, wholeTextAt } from './frame-reader.ts';
import { Goodbye } from './goodbye.ts';
import {
  createKey,
  flawOf,
  isTlsAlert,
  mayBeHttp,
  parseAnswer,
  refusalOf,
  retryAfterMs,
  upgradeRequest,
} from './handshake.ts';

const maxAnswerBytes = 16 * 1024;
const maxMessageBytes = 16 * 1024 * 1024;
const headEnd = '\r\n\r\n';
/** Node cannot wait longer than about 24 days. */
const maxRestMs = 86_400_000;

/** A connection attempt and the connection it becomes. */
export class Connection implements FrameHandler {
  // What each chunk needs comes first, and so lies together.
  readonly #context: ClientContext;
  readonly #receiver: MessageReceiver;
  readonly #row: number;
  /** The answer so far; undefined before and after the upgrade. */
  #answer: string | undefined;
  /** From the upgrade on, until nothing that comes is of interest any more. */
  #isReading = false;
  /** While a frame is unfinished, or several came at once. */
  #reader: FrameReader | undefined;
  /** What a slow client reads, without a limit while it catches up; undefined for others. */
  #bytesPerSecond: number | undefined;
  readonly #owner: ConnectionOwner;
  readonly #client: number;
  readonly #socket: Socket;
  #phase: Phase = 'connect';
  #key = '';
  #timer: NodeJS.Timeout | undefined;
  #end: ConnectionEnd | undefined;
  /** Once either side has said it; nothing is sent or read from then on. */
  #goodbye: Goodbye | undefined;
  #isOver = false;

  /** `client` is the number of the client in the whole test. */
  constructor(owner: ConnectionOwner, client: number, context: ClientContext) {
    this.#owner = owner;
    this.#receiver = owner.receiver;
    this.#row = owner.row;
    this.#client = client;
    this.#context = context;
    const { dialer, readBuffer } = context.shared;
    this.#timer = setTimeout(() => this.#timedOut(), context.settings.connectTimeoutMs);
    // Bound methods, and none that is done with, because they take less memory than closures.
    this.#socket = dialer.dial(client, { buffer: readBuffer, callback: this.#read.bind(this) });
    this.#socket.once('connect', this.#connected.bind(this));
    if (dialer.isSecure) this.#socket.once('secureConnect', this.#secured.bind(this));
    this.#socket.on('error', this.#failed.bind(this));
    this.#socket.on('close', this.#closed.bind(this));
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether its owner was told how it ended, though its socket may still have to close. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether events come, and frames may be sent. */
  get isOpen(): boolean {
    return this.#phase === 'open' && this.#goodbye === undefined;
  }

  /** Reads this much per second from now on, at most; nothing with 0. */
  readAtMost(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
    if (bytesPerSecond === 0) this.#socket.pause();
  }

  /** Reads everything from now on, in turn with the others that do: there may be much for each. */
  readOn(): void {
    if (this.#bytesPerSecond === undefined) return;
    this.#bytesPerSecond = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
    this.#context.shared.catchUp.add(this.#socket);
  }

  /** Whether it has to wait for its turn to {@link readOn}. */
  get isWaiting(): boolean {
    return this.#context.shared.catchUp.isWaiting(this.#socket);
  }

  /** The subscription is acknowledged: from now on the connection counts as open. */
  confirm(): void {
    this.#phase = 'open';
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Sends nothing after the goodbye. */
  send(frame: Buffer): void {
    if (this.#goodbye === undefined) this.#socket.write(frame);
  }

  /** Gives the connection up for a reason. */
  fail(errorClass: ErrorClass, example: string, more: Partial<ConnectionEnd> = {}): void {
    this.#end ??= { class: errorClass, example, ...more };
    this.#stopReading();
    cut(this.#socket);
  }

  /** Says goodbye, upon which the server closes; nothing is read any more. */
  close(): void {
    if (this.#isUpgraded) this.#part(1000);
    else cut(this.#socket);
  }

  /** Like {@link close}, and does not wait long for the server. */
  leave(): void {
    this.close();
    this.#goodbye?.awaitEnd();
  }

  /** Closes at once. */
  destroy(): void {
    cut(this.#socket);
  }

  onMessage(bytes: Buffer, start: number, end: number): void {
    this.#receiver.onMessage(this.#row, bytes, start, end);
  }

  onPing(bytes: Buffer, start: number, end: number): void {
    if (!this.#owner.answersPings) return;
    this.#socket.write(pongFrame(bytes.subarray(start, end)));
  }

  onClose(closeCode: number): void {
    const example = `the server closed with code ${closeCode}`;
    if (!isCloseCode(closeCode)) return this.fail(`${this.#phase}-protocol-error`, example);
    this.#end ??= { class: `${this.#phase}-close-${closeCode}`, example, closeCode };
    this.#part(closeCode === 1005 ? 1000 : closeCode).awaitEnd();
    this.#tellEnd(this.#end);
  }

  #part(code: number): Goodbye {
    if (this.#bytesPerSecond !== undefined) this.#socket.resume();
    this.#bytesPerSecond = undefined;
    this.#stopReading();
    clearTimeout(this.#timer);
    this.#goodbye ??= new Goodbye(this.#socket, code);
    return this.#goodbye;
  }

  #timedOut(): void {
    const { connectTimeoutMs } = this.#context.settings;
    this.fail(`${this.#phase}-timeout`, `nothing within ${connectTimeoutMs}ms`);
  }

  #failed(error: NodeJS.ErrnoException): void {
    this.#end ??= { class: classify(this.#phase, error), example: wordsOf(error) };
  }

  #connected(): void {
    this.#owner.onConnected();
    if (this.#context.shared.dialer.isSecure) this.#phase = 'tls';
    else this.#upgrade();
  }

  #secured(): void {
    this.#owner.onSecured();
    this.#upgrade();
  }

  #upgrade(): void {
    const { target } = this.#context.settings;
    this.#phase = 'upgrade';
    this.#key = createKey();
    this.#answer = '';
    this.#socket.write(upgradeRequest(target, this.#client, this.#key), 'latin1');
  }

  /** Returns true, since false would stop the reading. */
  #read(size: number, chunk: Uint8Array): boolean {
    const bytes = chunk as Buffer;
    this.#context.counters.bytes += size;
    this.#context.nowMs = epochMs();
    if (this.#answer !== undefined) this.#readAnswer(this.#answer, bytes, size);
    else if (this.#isReading) this.#readFrames(bytes, 0, size);
    if (this.#bytesPerSecond !== undefined) this.#rest(size);
    return true;
  }

  /** Waits until as much as was read has had its time; a read is never smaller than what came. */
  #rest(size: number): void {
    this.#socket.pause();
    const { connecting, destroyed } = this.#socket;
    if (connecting || destroyed || !this.#bytesPerSecond) return;
    if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) return this.readOn();
    clearTimeout(this.#timer);
    const restMs = (size * 1_000) / this.#bytesPerSecond;
    this.#timer = setTimeout(() => this.#socket.resume(), Math.min(restMs, maxRestMs));
  }

  #readFrames(bytes: Buffer, start: number, end: number): void {
    if (this.#reader === undefined) {
      // Nearly every chunk is one event, for which no reader has to be kept.
      const textAt = wholeTextAt(bytes, start, end);
      if (textAt > 0) return this.onMessage(bytes, textAt, end);
      const isRaw = this.#context.settings.target.raw !== undefined;
      this.#reader = new FrameReader(this, maxMessageBytes, isRaw);
    }
    const complaint = this.#reader.push(bytes, start, end);
    if (complaint !== undefined) this.fail(`${this.#phase}-protocol-error`, complaint);
    else if (this.#reader.isBetweenMessages) this.#reader = undefined;
  }

  #stopReading(): void {
    this.#isReading = false;
    this.#reader?.stop();
  }

  get #isUpgraded(): boolean {
    return this.#phase === 'subscribe' || this.#phase === 'open';
  }

  #readAnswer(before: string, bytes: Buffer, size: number): void {
    const text = before + bytes.toString('latin1', 0, size);
    const at = text.indexOf(headEnd);
    if (isTlsAlert(text)) {
      this.fail('upgrade-tls-expected', 'the server speaks TLS');
    } else if (at < 0) {
      this.#answer = text;
      if (text.length > maxAnswerBytes) this.fail('upgrade-bad-response', 'answer without an end');
      else if (!mayBeHttp(text)) this.fail('upgrade-bad-response', text.slice(0, 80));
    } else {
      this.#answer = undefined;
      this.#takeAnswer(text, at, before.length, bytes, size);
    }
  }

  /** `text` is the answer, of which `earlier` characters came before `bytes`. */
  #takeAnswer(text: string, at: number, earlier: number, bytes: Buffer, size: number): void {
    const bodyAt = at + headEnd.length;
    const answer = parseAnswer(text.slice(0, at), text.slice(bodyAt));
    if (answer === undefined) {
      this.fail('upgrade-bad-response', text.slice(0, 80));
    } else if (answer.status !== 101) {
      const example = answer.body.trim() || `status ${answer.status}`;
      this.fail(`upgrade-status-${answer.status}`, example, {
        retryAfterMs: retryAfterMs(answer),
        refusal: refusalOf(answer),
      });
    } else {
      const flaw = flawOf(answer, this.#key, this.#context.settings.target.subprotocols);
      if (flaw !== undefined) this.fail(`upgrade-${flaw}`, text.slice(0, at));
      else this.#startFrames(bytes, bodyAt - earlier, size);
    }
  }

  #startFrames(bytes: Buffer, start: number, end: number): void {
    this.#phase = 'subscribe';
    this.#key = '';
    this.#isReading = true;
    this.#owner.onUpgraded();
    if (start < end && this.#isReading) this.#readFrames(bytes, start, end);
  }

  #closed(): void {
    clearTimeout(this.#timer);
    this.#goodbye?.over();
    this.#tellEnd(
      this.#end ?? { class: `${this.#phase}-closed`, example: 'the server closed the socket' },
    );
    this.#owner.onClosed();
  }

  #tellEnd(end: ConnectionEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.onEnded(end);
  }
}

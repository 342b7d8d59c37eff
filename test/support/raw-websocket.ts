/** A WebSocket client that sends whatever bytes a test likes, and notes what comes back. */
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { opcodes } from '../../src/protocol/websocket-frame.ts';

/** How a frame is to be built; everything may be wrong. */
export interface FrameOptions {
  readonly fin?: boolean;
  /** Three bits, RSV1 is 4. */
  readonly rsv?: number;
  readonly isMasked?: boolean;
}

const maskKey = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** One frame, masked as a client must do it unless told otherwise. */
export function rawFrame(
  opcode: number,
  payload: string | Buffer = '',
  { fin = true, rsv = 0, isMasked = true }: FrameOptions = {},
): Buffer {
  const bytes = Buffer.from(payload as string);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const mask = isMasked ? 0x80 : 0;
  let header: Buffer;
  if (bytes.length < 126) header = Buffer.from([first, mask | bytes.length]);
  else if (bytes.length < 65_536) {
    header = Buffer.from([first, mask | 126, 0, 0]);
    header.writeUInt16BE(bytes.length, 2);
  } else {
    header = Buffer.concat([Buffer.from([first, mask | 127]), Buffer.alloc(8)]);
    header.writeBigUInt64BE(BigInt(bytes.length), 2);
  }
  if (!isMasked) return Buffer.concat([header, bytes]);
  const masked = Buffer.allocUnsafe(bytes.length);
  for (let at = 0; at < bytes.length; at++) {
    masked[at] = (bytes[at] as number) ^ (maskKey[at & 3] as number);
  }
  return Buffer.concat([header, maskKey, masked]);
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string | Buffer = ''): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return Buffer.concat([payload, Buffer.from(reason as string)]);
}

/** The request that opens a WebSocket. */
export function upgradeText(path = '/ws', ...headers: readonly string[]): string {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...headers,
    '\r\n',
  ].join('\r\n');
}

/** Long texts by their beginning, length and digest, so that differences can be read. */
export function shorten(text: string): string {
  if (text.length <= 200) return text;
  return `${text.slice(0, 20)}… ${text.length} ${hash('sha1', text)}`;
}

/** One connection. It answers nothing by itself, except that it ends when it is told to close. */
export class RawWebSocket implements AsyncDisposable {
  readonly socket: Socket;
  /**
   * What came, in short: `pong:payload` of a control frame, `ping:`, `close:1000` (`close:` without
   * a code), and of messages `heartbeat:id` or `error:CODE`, or else their type.
   */
  readonly received: string[] = [];
  readonly ended: Promise<void>;
  /** The answer to the request to upgrade. */
  readonly head: string;
  #rest: Buffer = Buffer.alloc(0);
  /** What came behind {@link #rest}, and how much more there must be of a frame that began. */
  #chunks: Buffer[] = [];
  #missing = 0;

  private constructor(socket: Socket, head: string) {
    this.head = head;
    this.socket = socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    this.ended = once(socket, 'close').then(() => undefined);
  }

  /** Connects and upgrades, without a subprotocol (v1) unless `headers` ask for one. */
  static async open(port: number, ...headers: readonly string[]): Promise<RawWebSocket> {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(upgradeText('/ws', ...headers));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    const end = answer.indexOf('\r\n\r\n');
    if (!answer.toString('latin1').startsWith('HTTP/1.1 101 ')) {
      throw new Error(`not upgraded: ${answer.toString('latin1')}`);
    }
    const client = new RawWebSocket(socket, answer.toString('latin1', 0, end));
    client.#read(answer.subarray(end + 4));
    return client;
  }

  /** Sends pieces of bytes that the server reads one by one. */
  async send(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      if (!this.socket.writable) return;
      await new Promise<void>((resolve) => this.socket.write(piece, () => resolve()));
      if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.ended;
  }

  #read(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#missing -= bytes.length;
    if (this.#missing > 0) return;
    this.#rest = Buffer.concat([this.#rest, ...this.#chunks]);
    this.#chunks = [];
    for (;;) {
      const rest = this.#rest;
      if (rest.length < 2) return;
      const short = rest[1] as number;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (rest.length < start) return;
      const length =
        short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : rest.readUInt32BE(6);
      this.#missing = start + length - rest.length;
      if (this.#missing > 0) return;
      this.#rest = rest.subarray(start + length);
      this.#take(rest[0] as number, rest.subarray(start, start + length));
    }
  }

  #take(first: number, payload: Buffer): void {
    if ((first & 0x70) !== 0 || (first & 0x80) === 0) this.received.push('broken frame');
    const opcode = first & 0x0f;
    if (opcode === opcodes.close) {
      this.received.push(`close:${payload.length > 0 ? payload.readUInt16BE(0) : ''}`);
      this.socket.end();
    } else if (opcode === opcodes.ping) this.received.push(`ping:${payload.toString('latin1')}`);
    else if (opcode === opcodes.pong) this.received.push(`pong:${payload.toString('latin1')}`);
    else {
      const { type, id, code } = JSON.parse(payload.toString()) as Record<string, unknown>;
      if (type === 'pong') this.received.push(shorten(`heartbeat:${id}`));
      else this.received.push(type === 'error' ? `error:${code}` : String(type));
    }
  }
}

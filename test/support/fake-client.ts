/** A client without a network: a socket of which the test decides when it takes bytes. */
import type { Socket } from 'node:net';
import { constants, inflateRawSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { messagesIn, reservedBit1 } from '../../src/protocol/websocket-frame.ts';
import { Connection } from '../../src/server/clients/connection.ts';
import type { Deflating } from '../../src/server/compression/deflate-offer.ts';
import type { Delivery } from '../../src/server/delivery/delivery.ts';
import { createReader } from './frames.ts';

/** What zlib's inflater remembers of a sender with a window of 2^15 bytes. */
const windowBytes = 32 * 1024;

/** Everything a client received, in order. */
type Text = Record<string, unknown>;

/** Takes bytes at once, or keeps them while it is stalled. */
export class FakeSocket {
  stalled = false;
  writableLength = 0;
  /** The most bytes that ever waited. */
  most = 0;
  /** Bytes that arrived, and how many messages were deflated. */
  bytes = 0;
  deflated = 0;
  readonly messages: Text[] = [];
  readonly #waiting: Buffer[] = [];
  readonly #read: (bytes: Buffer) => void;
  readonly #deflating: Deflating;
  #window = Buffer.alloc(0);

  constructor(deflating: Deflating) {
    this.#deflating = deflating;
    const take = (text: string) => {
      this.messages.push(...text.split('\n').map((line) => JSON.parse(line) as Text));
    };
    const read = createReader(take);
    this.#read = deflating === 'none' ? read : (bytes) => this.#inflate(bytes, read, take);
  }

  write(bytes: Buffer): boolean {
    if (!this.stalled && this.#waiting.length === 0) this.#arrive(bytes);
    else {
      this.#waiting.push(bytes);
      this.writableLength += bytes.length;
      this.most = Math.max(this.most, this.writableLength);
    }
    return this.writableLength === 0;
  }

  drain(): void {
    this.stalled = false;
    for (const bytes of this.#waiting.splice(0)) this.#arrive(bytes);
    this.writableLength = 0;
  }

  #arrive(bytes: Buffer): void {
    this.bytes += bytes.length;
    this.#read(bytes);
  }

  #inflate(bytes: Buffer, read: (bytes: Buffer) => void, take: (text: string) => void): void {
    let at = 0;
    for (const payload of messagesIn(bytes)) {
      const end = payload.byteOffset - bytes.byteOffset + payload.length;
      if (((bytes[at] as number) & reservedBit1) === 0) read(bytes.subarray(at, end));
      else take(this.#inflated(payload));
      at = end;
    }
  }

  #inflated(payload: Buffer): string {
    this.deflated++;
    const plain = inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 255, 255])]), {
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(this.#deflating === 'context' && this.#window.length > 0
        ? { dictionary: this.#window }
        : {}),
    });
    this.#window = Buffer.concat([this.#window, plain]).subarray(-windowBytes);
    return plain.toString();
  }
}

/** One client of a {@link Delivery}, with what it received. */
export class FakeClient {
  readonly socket: FakeSocket;
  readonly connection: Connection;
  closed: { code: number; reason: string } | undefined;

  constructor(id: number, version: 'v1' | 'v2', delivery: Delivery, deflating: Deflating = 'none') {
    this.socket = new FakeSocket(deflating);
    const webSocket = {
      OPEN: WebSocket.OPEN,
      readyState: WebSocket.OPEN as number,
      close: (code: number, reason: string) => {
        this.closed = { code, reason };
        webSocket.readyState = WebSocket.CLOSING;
      },
    };
    const cohort = delivery.unsubscribed(version, deflating !== 'none');
    const parts = [webSocket as unknown as WebSocket, this.socket as unknown as Socket] as const;
    this.connection = new Connection(id, version, ...parts, cohort, 0);
    this.connection.deflating = deflating;
    delivery.add(this.connection);
  }

  /** Numbers of the events it received. */
  numbers(): number[] {
    return this.socket.messages.flatMap(({ n }) => (typeof n === 'number' ? [n] : []));
  }

  /** Control messages of a type that it received. */
  told(type: string): Text[] {
    return this.socket.messages.filter((message) => message['type'] === type);
  }

  /** Events that it was told it is not sent, by channel. */
  skipped(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { channels } of this.told('skipped')) {
      for (const [name, count] of Object.entries(channels as Record<string, number>)) {
        counts.set(name, (counts.get(name) ?? 0) + count);
      }
    }
    return counts;
  }

  /** Its socket takes everything, and it is served on. */
  drain(delivery: Delivery): void {
    this.socket.drain();
    if (this.connection.isBehind) delivery.catchUp(this.connection);
  }
}

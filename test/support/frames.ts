/** What a WebSocket client makes of bytes: `ws`'s own receiver, so that odin is not its own judge. */
import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';

// `ws` exports its receiver, but its type declarations leave it out.
const { Receiver } = createRequire(import.meta.url)('ws') as {
  Receiver: new (options: { isServer: boolean; maxPayload: number }) => Writable;
};

/** Returns a function that takes bytes and calls `onMessage` for every complete message. */
export function createReader(
  onMessage: (text: string) => void,
  isServer = false,
): (bytes: Buffer) => void {
  const receiver = new Receiver({ isServer, maxPayload: 0 });
  receiver.on('message', (data: Buffer) => onMessage(data.toString()));
  receiver.on('error', (error) => {
    throw error;
  });
  return (bytes) => void receiver.write(bytes);
}

/** All messages in `bytes`, of a server; or of a client, as a server reads them. */
export function readMessages(bytes: Buffer, isServer = false): string[] {
  const messages: string[] = [];
  createReader((text) => messages.push(text), isServer)(bytes);
  return messages;
}

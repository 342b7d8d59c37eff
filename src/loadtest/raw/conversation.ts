/** What a client says to a server that is not odin: at the beginning, and in answer. */
import { maskedFrameOf, opcodes } from '../../protocol/websocket-frame.ts';

/** Any four bytes will do, see {@link maskedFrameOf}. */
const mask = 0x6f64696e;

/** One text message as a whole masked frame. */
function textFrame(text: string): Buffer {
  return maskedFrameOf(Buffer.from(text), mask, opcodes.text);
}

/**
 * The messages of a client, in order, as one buffer. `{client}` stands for its number; a text with
 * `{channel}` is sent once for each of its channels.
 */
export function openingFrames(
  texts: readonly string[],
  client: number,
  channels: readonly string[],
): Buffer {
  const messages = texts.flatMap((text) =>
    text.includes('{channel}')
      ? channels.map((channel) => text.replaceAll('{channel}', channel))
      : [text],
  );
  return Buffer.concat(
    messages.map((text) => textFrame(text.replaceAll('{client}', String(client)))),
  );
}

/** Frames to send when a message arrives, by its text; `2=>3` answers the ping of Engine.IO. */
export function answersOf(replies: readonly string[]): ReadonlyMap<string, Buffer> {
  return new Map(
    replies.map((reply) => {
      const arrow = reply.indexOf('=>');
      return [reply.slice(0, arrow), textFrame(reply.slice(arrow + 2))];
    }),
  );
}

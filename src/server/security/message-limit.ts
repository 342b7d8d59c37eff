/** Message limit: how fast one client may talk, and when it has abused that. */
import { afterTaking, type Rate, waitMs } from './rate.ts';

/** Over-limit messages, less those within it, after which a client is closed. */
const maxStrikes = 100;

/** What a message is: taken, ignored, or the last one. */
export type MessageVerdict = 'taken' | 'ignored' | 'abuse';

/** The two numbers of a connection that this needs. */
export interface Talker {
  /** When its bucket is full again, on the monotonic clock. */
  messagesFullAtMs: number;
  strikes: number;
}

/** Judges one message (or ping, which costs an answer too) and notes it on the connection. */
export function judgeMessage(rate: Rate, talker: Talker, nowMs: number): MessageVerdict {
  if (waitMs(rate, talker.messagesFullAtMs, nowMs) === 0) {
    talker.messagesFullAtMs = afterTaking(rate, talker.messagesFullAtMs, nowMs);
    if (talker.strikes > 0) talker.strikes--;
    return 'taken';
  }
  talker.strikes++;
  return talker.strikes >= maxStrikes ? 'abuse' : 'ignored';
}

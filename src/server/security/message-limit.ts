/** Message limit: how fast one client may talk, and when it has abused that. */
import type { Rate } from './rate.ts';

/** Over-limit messages, less those within it, after which a client is closed. */
const maxStrikes = 100;

/** What a message is: taken, ignored, or the last one. */
export type MessageVerdict = 'taken' | 'ignored' | 'abuse';

/** The two numbers of a connection that this needs. */
export interface Talker {
  /** What it may still say; see {@link Rate}. */
  messageBucket: number;
  strikes: number;
}

/** Judges one message (or ping, which costs an answer too) and notes it on the connection. */
export function judgeMessage(rate: Rate, talker: Talker, nowMs: number): MessageVerdict {
  if (rate.waitMs(talker.messageBucket, nowMs) === 0) {
    talker.messageBucket = rate.afterTaking(talker.messageBucket, nowMs);
    if (talker.strikes > 0) talker.strikes--;
    return 'taken';
  }
  talker.strikes++;
  return talker.strikes >= maxStrikes ? 'abuse' : 'ignored';
}

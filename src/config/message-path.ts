/** Where a message of any WebSocket server has its time, its number and its channel. */

/** What a path leads to. */
export const messageFacts = ['ts', 'seq', 'channel'] as const;

/** One of {@link messageFacts}. */
export type MessageFact = (typeof messageFacts)[number];

/** Keys of objects and indices of arrays, from the outermost. */
export type Path = readonly string[];

/** The paths that were given. */
export type MessagePaths = Readonly<Partial<Record<MessageFact, Path>>>;

/** Reads `ts=data.timestamp` and the like, each at most once; or says what is wrong. */
export function parseMessagePaths(texts: readonly string[]): MessagePaths | string {
  const paths: Partial<Record<MessageFact, Path>> = {};
  for (const text of texts) {
    const [, name = '', path = ''] = /^\s*(\w+)\s*=\s*(\S+)\s*$/.exec(text) ?? [];
    const fact = messageFacts.find((known) => known === name);
    const keys = path.split('.');
    if (fact === undefined || keys.includes('')) {
      return 'expected ts=data.timestamp,seq=data.seq,channel=channel, or some of these';
    }
    if (paths[fact] !== undefined) return `${fact} is given twice`;
    paths[fact] = keys;
  }
  return paths;
}

/** The HTTP upgrade as a client does it by hand, for sockets that share one buffer. */
import { hash, randomBytes } from 'node:crypto';
import { headersOf, type Target } from './target.ts';

/** What the server answered. */
export interface UpgradeAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** What came of the body, for refusals. */
  readonly body: string;
}

/** Why a `101` answer is not acceptable. */
export type UpgradeFlaw = 'bad-response' | 'bad-accept' | 'bad-subprotocol';

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A fresh `Sec-WebSocket-Key`. */
export function createKey(): string {
  return randomBytes(16).toString('base64');
}

/** The `Sec-WebSocket-Accept` that answers a key (RFC 6455 §4.2.2). */
export function acceptOf(key: string): string {
  return hash('sha1', key + guid, 'base64');
}

/** The request of a client. */
export function upgradeRequest(target: Target, client: number, key: string): string {
  const lines = [
    `GET ${target.path} HTTP/1.1`,
    ...headersOf(target, client),
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    ...(target.subprotocols.length === 0
      ? []
      : [`Sec-WebSocket-Protocol: ${target.subprotocols.join(', ')}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Reads an answer; `head` ends before the empty line. Undefined when it is not HTTP/1.1. */
export function parseAnswer(head: string, body: string): UpgradeAnswer | undefined {
  const [first = '', ...lines] = head.split('\r\n');
  const status = /^HTTP\/1\.1 ([1-5]\d{2})(?: |$)/.exec(first)?.[1];
  if (status === undefined) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(status), headers, body };
}

/** What is wrong with a `101` answer; undefined when the connection is a WebSocket now. */
export function flawOf(
  answer: UpgradeAnswer,
  key: string,
  offered: readonly string[],
): UpgradeFlaw | undefined {
  const { headers } = answer;
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') return 'bad-response';
  if (headers.get('sec-websocket-accept') !== acceptOf(key)) return 'bad-accept';
  // Nothing was offered, so nothing may be chosen; a frame reader would misread extensions.
  if (headers.has('sec-websocket-extensions')) return 'bad-response';
  const chosen = headers.get('sec-websocket-protocol');
  // As in browsers: one of those that were offered, and none where none was.
  const isGood = chosen === undefined ? offered.length === 0 : offered.includes(chosen);
  return isGood ? undefined : 'bad-subprotocol';
}

/** What a refusal calls itself: the `code` of its JSON body, or its status (`STATUS_503`). */
export function refusalOf({ status, body }: UpgradeAnswer): string {
  const code = /"code":\s*"([A-Z][A-Z0-9_]{0,39})"/.exec(body)?.[1];
  return code ?? `STATUS_${status}`;
}

/** Milliseconds that a refusal asks to wait; undefined when it does not invite a retry. */
export function retryAfterMs({ status, headers }: UpgradeAnswer): number | undefined {
  if (status !== 429 && status !== 503) return undefined;
  const header = headers.get('retry-after');
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  const until = Date.parse(header);
  return Number.isNaN(until) ? undefined : Math.max(0, until - Date.now());
}

/** Whether the answer to plain HTTP is a TLS record of the kind alert (RFC 8446 §5.1). */
export function isTlsAlert(text: string): boolean {
  return text.startsWith('\x15\x03');
}

/** Whether an answer that is not whole yet may become one in HTTP. */
export function mayBeHttp(text: string): boolean {
  return 'HTTP/1.1 '.startsWith(text.slice(0, 9));
}

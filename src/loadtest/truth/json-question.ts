/** Asks another process for its counters over HTTP: one question, one connection, bounded in time. */
import { type ClientRequest, get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import { messageOf } from '../../base/errors.ts';
import type { TlsTarget } from '../socket/target.ts';

const maxAnswerBytes = 4 * 1024 * 1024;

/** How to ask. */
export interface Question {
  readonly url: string;
  /** Bearer token. */
  readonly token?: string | undefined;
  readonly timeoutMs: number;
  /** What an `https:` server has to show. */
  readonly tls?: TlsTarget | undefined;
  /** Ends the question early. */
  readonly signal?: AbortSignal | undefined;
}

/** The JSON value that was answered, or why there is none. Never throws. */
export async function askJson({
  url,
  token,
  timeoutMs,
  tls,
  signal,
}: Question): Promise<{ readonly value: unknown } | { readonly complaint: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const get = url.startsWith('https:') ? getSecure : getPlain;
  let request: ClientRequest | undefined;
  const giveUp = () => reject(new Error('interrupted'));
  signal?.addEventListener('abort', giveUp);
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs}ms`)), timeoutMs);
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    // An agent would keep the connection, which then counts as one of the clients'.
    const trust = tls === undefined ? {} : { ca: tls.ca, rejectUnauthorized: !tls.insecure };
    request = get(url, { agent: false, headers, ...trust }, (response) => {
      const { statusCode } = response;
      if (statusCode !== 200) return reject(new Error(`status ${statusCode}`));
      let text = '';
      response.setEncoding('utf8').on('error', reject);
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > maxAnswerBytes) reject(new Error('the answer is too long'));
      });
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
    return { value: JSON.parse((await promise) as string) };
  } catch (error) {
    const why = error instanceof SyntaxError ? 'the answer is no JSON' : messageOf(error);
    return { complaint: `${withoutQuery(url)}: ${why}` };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
    request?.destroy();
  }
}

/** The query may hold a token, which has no business in logs and reports. */
export function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, '');
}

/** One HTTP request and its answer, within a time. */
import * as http from 'node:http';
import * as https from 'node:https';
import { messageOf } from '../base/errors.ts';

/** Answers are read up to this size; what odin's server says is far smaller. */
const maxAnswerBytes = 1024 * 1024;

/** A request, with the time in milliseconds that it may take as a whole. */
export interface Exchange {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Why no answer came, in one line for a person. */
export function whyUnanswered(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  const message = messageOf(error).trim();
  if (code === 'ECONNREFUSED') return 'nobody listens there';
  if (code === 'ENOTFOUND') return 'there is no such host';
  if (code === 'EAI_AGAIN') return 'the name of the host cannot be resolved';
  if (code?.startsWith('HPE_') === true) return 'what answers there does not speak HTTP';
  if (/wrong version number/.test(message)) return 'it speaks no TLS: try http:// for https://';
  return message.split('\n', 1)[0] as string;
}

/** A connection that is kept open between requests, one at a time. */
export class HttpConnection implements Disposable {
  readonly #agent: http.Agent;
  readonly #module: typeof http | typeof https;

  constructor(url: URL) {
    this.#module = url.protocol === 'https:' ? https : http;
    this.#agent = new this.#module.Agent({ keepAlive: true, maxSockets: 1 });
  }

  /** Rejects when there is no whole answer in time, or when the signal is aborted. */
  async exchange({ url, method, headers, body, timeoutMs, signal }: Exchange): Promise<Answer> {
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const options = { method, headers: { ...headers, ...length }, agent: this.#agent, signal };
    const request = this.#module.request(url, options);
    const timer = setTimeout(() => {
      request.destroy(new Error(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      return await new Promise<Answer>((resolve, reject) => {
        request.on('response', (response) => readAnswer(response).then(resolve, reject));
        request.on('error', reject);
        request.end(body);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

async function readAnswer(response: http.IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new Error(`answer is larger than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
}

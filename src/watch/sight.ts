/** Sights: what comes of asking something over HTTP, as a state that can be shown and acted on. */
import { performance } from 'node:perf_hooks';
import { HttpConnection, whyUnanswered } from '../host/http-connection.ts';
import type { Sight } from '../protocol/fleet-snapshot.ts';

/** What is asked, and how its answer is understood. */
export interface Subject<Report> {
  readonly url: URL;
  /** Sent as bearer token, when there is one. */
  readonly token?: string | undefined;
  /** Throws an Error that says what is odd about the answer. */
  readonly read: (text: string) => Report;
  /** What to do when it says no. */
  readonly refusedHint: string;
}

/** The time that an answer may take, and what ends all asking. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Asks again and again over one connection. Disposing it closes that. */
export class Observer<Report> implements Disposable {
  readonly #subject: Subject<Report>;
  readonly #shownUrl: string;
  readonly #http: HttpConnection;

  constructor(subject: Subject<Report>) {
    this.#subject = subject;
    this.#shownUrl = subject.url.origin;
    this.#http = new HttpConnection(subject.url);
  }

  /** Never rejects. */
  async look({ timeoutMs, signal }: Patience, query = ''): Promise<Sight<Report>> {
    const { url, token, read, refusedHint } = this.#subject;
    const headers: Record<string, string> = {};
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    const startMs = performance.now();
    const tookMs = () => Math.round((performance.now() - startMs) * 10) / 10;
    const asked = new URL(url);
    asked.search = query;
    try {
      const exchange = { url: asked, method: 'GET', headers, timeoutMs, signal } as const;
      const { status, text } = await this.#http.exchange(exchange);
      if (status === 401 || status === 403)
        return this.#failed('refused', `refused (${status}): ${refusedHint}`, tookMs());
      if (status !== 200)
        return this.#failed('odd', `${asked.pathname} answers ${status}: is this odin?`, tookMs());
      const report = read(text);
      const up = { state: 'up', problem: null } as const;
      return { url: this.#shownUrl, ...up, took_ms: tookMs(), report };
    } catch (error) {
      return this.#unanswered(error, tookMs(), timeoutMs);
    }
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }

  #unanswered(error: unknown, tookMs: number, timeoutMs: number): Sight<Report> {
    if (error instanceof OddAnswer) return this.#failed('odd', error.message, tookMs);
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined && tookMs >= timeoutMs)
      return this.#failed('slow', `no answer within ${timeoutMs} ms`, null);
    return this.#failed('away', whyUnanswered(error), null);
  }

  #failed(state: Sight<Report>['state'], problem: string, tookMs: number | null): Sight<Report> {
    return { url: this.#shownUrl, state, problem, took_ms: tookMs, report: null };
  }
}

/** An answer came that is not what it should be. */
export class OddAnswer extends Error {}

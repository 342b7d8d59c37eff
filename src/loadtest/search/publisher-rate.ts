/** Drives the rate of a publisher through its control API, and gives back what it found. */
import { messageOf, RemoteError } from '../../base/errors.ts';
import { isObject } from '../../base/values.ts';

/** What a publisher says of itself. */
export interface PublisherPace {
  /** Events per second that it is told to publish. */
  readonly rate: number;
  /** Events since it started. */
  readonly published: number;
}

const askMs = 2_000;
/** After Ctrl-C the report has to be there within 2 s. */
const restoreMs = 1_000;

/** A publisher under control. */
export class PublisherRate {
  readonly #url: string;
  readonly #found: number;
  #isChanged = false;

  private constructor(url: string, found: number) {
    this.#url = url;
    this.#found = found;
  }

  /**
   * Takes control of the publisher at `url`. Rejects with a RemoteError when it does not answer, does
   * not publish, or has no rate that could be changed.
   */
  static async open(url: string, signal: AbortSignal): Promise<PublisherRate> {
    const value = await ask(url, 'GET', '/status', undefined, signal);
    const { running, targetRate } = value;
    if (running !== true) {
      throw new RemoteError(`the publisher at ${url} publishes nothing`, {
        hint: `start it first: curl -X POST ${new URL('/start', url).href}`,
      });
    }
    if (typeof targetRate !== 'number') {
      throw new RemoteError(`the publisher at ${url} has no rate that can be changed`, {
        hint: 'a recording has its own pace: search with synthetic events',
      });
    }
    return new PublisherRate(url, targetRate);
  }

  /** The rate it had before. */
  get found(): number {
    return this.#found;
  }

  /** Its pace now. Rejects with a RemoteError. */
  async pace(signal: AbortSignal): Promise<PublisherPace> {
    const { targetRate, published } = await ask(this.#url, 'GET', '/status', undefined, signal);
    if (typeof targetRate !== 'number' || typeof published !== 'number') {
      throw new RemoteError(`the publisher at ${this.#url} tells no rate any more`);
    }
    return { rate: targetRate, published };
  }

  /** Another rate, in events per second. Rejects with a RemoteError. */
  async change(rate: number, signal: AbortSignal): Promise<void> {
    this.#isChanged = true;
    await ask(this.#url, 'POST', '/rate', { rate }, signal);
  }

  /** Gives back the rate that was found. Rejects with a RemoteError that tells how to do it by hand. */
  async restore(): Promise<void> {
    if (!this.#isChanged) return;
    const rate = this.#found;
    try {
      await ask(this.#url, 'POST', '/rate', { rate }, AbortSignal.timeout(restoreMs));
    } catch (error) {
      throw new RemoteError(`the publisher did not take back its rate of ${rate}/s`, {
        hint: `curl -X POST ${new URL('/rate', this.#url).href} -d '{"rate":${rate}}'`,
        cause: error,
      });
    }
  }
}

async function ask(
  base: string,
  method: 'GET' | 'POST',
  path: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const url = new URL(path, base).href;
  try {
    const response = await fetch(url, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(askMs)]),
    });
    const value: unknown = await response.json();
    if (!isObject(value)) throw new Error('the answer is no object');
    if (response.ok) return value;
    throw new Error(String(value['error'] ?? `status ${response.status}`));
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    const why = cause instanceof Error ? cause.message : messageOf(error);
    throw new RemoteError(`${method} ${url}: ${why}`, {
      hint: 'is it the control API of `odin publish`? check --publisher-url',
      cause: error,
    });
  }
}

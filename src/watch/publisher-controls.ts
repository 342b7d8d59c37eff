/** PublisherControls: starts and stops a publisher, and sets its rate, through its control API. */
import { messageOf } from '../base/errors.ts';
import { isObject } from '../base/values.ts';
import { HttpConnection } from '../host/http-connection.ts';

/** What a publisher can be told. */
export type PublisherOrder =
  | { readonly action: 'start' | 'stop' }
  /** Events per second. */
  | { readonly action: 'rate'; readonly rate: number };

const timeoutMs = 5_000;

/** Tells the publisher at `url`; says in words what became of it, also of a failure. */
export async function tellPublisher(
  url: URL,
  order: PublisherOrder,
  signal: AbortSignal,
): Promise<string> {
  using http = new HttpConnection(url);
  try {
    const { status, text } = await http.exchange({
      url: new URL(`/${order.action}`, url),
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(order.action === 'rate' ? { rate: order.rate } : {})),
      ...{ timeoutMs, signal },
    });
    if (status === 200) return doneWords(order);
    return `the publisher refused: ${reasonOf(text) ?? `it answers ${status}`}`;
  } catch (error) {
    return `the publisher was not told: ${messageOf(error)}`;
  }
}

function doneWords(order: PublisherOrder): string {
  if (order.action === 'rate') return `the publisher goes on with ${order.rate} events per second`;
  return order.action === 'start' ? 'the publisher was started' : 'the publisher was stopped';
}

function reasonOf(text: string): string | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return isObject(answer) && typeof answer['error'] === 'string' ? answer['error'] : undefined;
  } catch {
    return undefined;
  }
}

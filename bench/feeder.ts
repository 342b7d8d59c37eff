/** Feeds a server over `POST /api/publish`, one event per request, at a steady rate. */
import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { createMarket } from '../src/publisher/market.ts';

/** Payload bytes of the events on the wire, envelope included. */
const messageBytes = 300;

/** One line for `POST /api/publish`. */
type EventMaker = (n: number) => Readonly<Record<string, unknown>>;

/** Events of {@link messageBytes} on one channel. */
export function fixedEvents(): EventMaker {
  const filler = 'x'.repeat(messageBytes - 175);
  return (n) => ({
    key: 'BTC',
    type: 'TRADE_EXECUTED',
    timestamp: Date.now(),
    // On the clock that the processes of a machine share.
    data: { n, sentMs: Number(process.hrtime.bigint()) / 1e6, filler },
  });
}

/** The publisher's own events, of all types and six tokens; the same on every run. */
export function marketEvents(): EventMaker {
  const market = createMarket(1, ['BTC', 'ETH', 'SOL', 'DOGE', 'ADA', 'XRP']);
  return () => {
    const event = market.nextEvent(Date.now());
    return { key: 'token' in event.data ? event.data.token : 'BTC', ...event };
  };
}

/** Publishes until disposed. The pace is an open loop: a slow server gets no fewer events. */
export function startFeeder(http: string, perSecond: number, makeEvent: EventMaker): Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const url = new URL('/api/publish', http);
  const startMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) / 1_000) * perSecond);
    while (sent < due) post(sent++);
  }, 2);
  const post = (n: number) => {
    const post = request(url, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/x-ndjson' },
    });
    post.on('response', (response) => response.resume());
    post.on('error', () => {});
    post.end(`${JSON.stringify(makeEvent(n))}\n`);
  };
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      agent.destroy();
    },
  };
}

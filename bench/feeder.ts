/** Feeds a server over `POST /api/publish`, one event per request, at a steady rate. */
import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';

/** Payload bytes of the events on the wire, envelope included. */
const messageBytes = 300;

/** Publishes until disposed. The pace is an open loop: a slow server gets no fewer events. */
export function startFeeder(http: string, perSecond: number): Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const url = new URL('/api/publish', http);
  const filler = 'x'.repeat(messageBytes - 150);
  const startMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) / 1_000) * perSecond);
    while (sent < due) post(sent++);
  }, 2);
  const post = (n: number) => {
    const event = {
      key: 'BTC',
      type: 'TRADE_EXECUTED',
      timestamp: Date.now(),
      data: { n, filler },
    };
    const post = request(url, {
      method: 'POST',
      agent,
      headers: { 'content-type': 'application/x-ndjson' },
    });
    post.on('response', (response) => response.resume());
    post.on('error', () => {});
    post.end(`${JSON.stringify(event)}\n`);
  };
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      agent.destroy();
    },
  };
}

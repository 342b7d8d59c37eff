/** The server most people would write: `ws`, and a loop of `client.send(text)` per event. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

let delivered = 0;
let offset = 0;

const http = createServer(async (request, response) => {
  if (request.url === '/metrics') return void response.end(`ws_total_messages ${delivered}\n`);
  let body = '';
  for await (const chunk of request) body += chunk;
  for (const line of body.split('\n')) if (line !== '') broadcast(line);
  response.end('{"accepted":1}');
});

const server = new WebSocketServer({
  server: http,
  perMessageDeflate: process.argv.includes('--deflate'),
  handleProtocols: (offered) => [...offered][0] ?? false,
});

server.on('connection', (client) => {
  client.on('message', (data) => {
    const { data: request } = JSON.parse(data.toString());
    const channels = request?.channels ?? [];
    client.send(
      JSON.stringify({
        type: 'subscription_ack',
        subscribed: channels,
        count: channels.length,
        rejected: [],
      }),
    );
  });
});

function broadcast(line: string): void {
  const { key, type, timestamp, data } = JSON.parse(line);
  const prev = offset === 0 ? null : offset;
  offset++;
  const text = JSON.stringify({
    ts: timestamp,
    type,
    priority: 'CRITICAL',
    channel: `${key}.trade`,
    offset,
    prev,
    data,
  });
  for (const client of server.clients) {
    client.send(text);
    delivered++;
  }
}

http.listen(0, '127.0.0.1', () => console.log(`listening ${(http.address() as AddressInfo).port}`));
process.on('SIGTERM', () => process.exit(0));

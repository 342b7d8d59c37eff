/** The load generator most people would write: `ws` clients that parse and check every event. */
import { WebSocket } from 'ws';

const [url = '', count = '0', channel = ''] = process.argv.slice(2);
const lastOffsets = new Map<WebSocket, number>();
let received = 0;
let lost = 0;
let worstMs = 0;
let open = 0;

for (let i = 0; i < Number(count); i++) {
  setTimeout(connect, i * 2);
}

function connect(): void {
  const socket = new WebSocket(url, ['odin.v2'], { perMessageDeflate: false });
  socket.on('open', () => {
    socket.send(JSON.stringify({ type: 'subscribe', data: { channels: [channel] } }));
    if (++open === Number(count)) console.log('all open');
  });
  socket.on('message', (data) => {
    const now = Date.now();
    for (const line of data.toString().split('\n')) {
      const event = JSON.parse(line);
      if (event.offset === undefined) continue;
      const last = lastOffsets.get(socket);
      if (last !== undefined && event.prev !== last) lost++;
      lastOffsets.set(socket, event.offset);
      worstMs = Math.max(worstMs, now - event.ts);
      received++;
    }
  });
}

process.on('SIGTERM', () => {
  console.log(JSON.stringify({ received, lost, worstMs }));
  process.exit(0);
});

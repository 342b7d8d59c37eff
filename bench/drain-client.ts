/** Clients that offer permessage-deflate and only count the bytes they get: they cost next to nothing. */
import { connect, type Socket } from 'node:net';
import { maskedFrameOf, opcodes } from '../src/protocol/websocket-frame.ts';

const [url = '', count = '0', channel = ''] = process.argv.slice(2);
const { hostname, port, pathname } = new URL(url);
const request = [
  `GET ${pathname} HTTP/1.1`,
  `Host: ${hostname}:${port}`,
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: odin.v2',
  'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
  '\r\n',
].join('\r\n');
const subscribe = JSON.stringify({ type: 'subscribe', data: { channels: [channel] } });
const sockets: Socket[] = [];
/** Bytes before the first event: handshake and acknowledgement. */
let greeting = 0;

for (let i = 0; i < Number(count); i++) setTimeout(open, i * 2);

function open(): void {
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.write(request);
  socket.once('data', (data) => {
    if (!data.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(String(data));
    socket.write(maskedFrameOf(Buffer.from(subscribe), 0x01020304, opcodes.text));
    socket.resume();
    if (sockets.length === Number(count)) setTimeout(allOpen, 500);
  });
}

function allOpen(): void {
  greeting = total();
  console.log('all open');
}

function total(): number {
  return sockets.reduce((sum, socket) => sum + socket.bytesRead, 0);
}

process.on('SIGTERM', () => {
  console.log(`received ${total() - greeting}`);
  process.exit(0);
});

/** Raw clients that cost next to nothing, opened as fast as they can be; probes tell how late events come. */
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { maskedFrameOf, opcodes } from '../src/protocol/websocket-frame.ts';

const [url = '', count = '0', channel = '', kind = 'crowd'] = process.argv.slice(2);
const total = Number(count);
const { hostname, port, pathname } = new URL(url);
/** Handshakes under way at a time. */
const concurrency = 64;
const request = [
  `GET ${pathname} HTTP/1.1`,
  `Host: ${hostname}:${port}`,
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: odin.v2',
  '\r\n',
].join('\r\n');
const subscribe = maskedFrameOf(
  Buffer.from(JSON.stringify({ type: 'subscribe', data: { channels: [channel] } })),
  0x01020304,
  opcodes.text,
);
const sockets: Socket[] = [];
const startMs = performance.now();
let started = 0;
let open = 0;
let failed = 0;
let openMs = 0;
let latenciesMs: number[] = [];

for (let i = 0; i < Math.min(concurrency, total); i++) openNext();

function openNext(): void {
  if (started === total) return;
  started++;
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let isOpen = false;
  socket.on('error', () => {});
  socket.once('close', () => {
    failed++;
    if (!isOpen) done();
  });
  socket.write(request);
  socket.once('data', (data) => {
    if (!data.toString('latin1').startsWith('HTTP/1.1 101')) {
      socket.destroy();
      return;
    }
    isOpen = true;
    open++;
    socket.write(subscribe);
    if (kind === 'probes') socket.on('data', noteLatency);
    else socket.resume();
    done();
  });
}

function done(): void {
  if (open + failed === total) {
    openMs = performance.now() - startMs;
    setTimeout(() => console.log('all open'), 500);
  } else openNext();
}

function noteLatency(data: Buffer): void {
  const nowMs = Number(process.hrtime.bigint()) / 1e6;
  for (const [, sentMs] of data.toString('latin1').matchAll(/"sentMs":([\d.]+)/g)) {
    latenciesMs.push(nowMs - Number(sentMs));
  }
}

// What comes after this counts.
process.on('SIGUSR2', () => {
  latenciesMs = [];
});

process.on('SIGTERM', () => {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  const figures = { open, failed, openMs, samples: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) };
  process.stdout.write(`fleet ${JSON.stringify(figures)}\n`, () => process.exit(0));
});

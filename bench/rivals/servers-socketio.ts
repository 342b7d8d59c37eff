/**
 * A Socket.IO server as its documentation advises: an HTTP request is emitted into a room, and clients
 * are put into those that they ask for. Arguments: the folder with its `node_modules`, the port, and
 * `recovery` to keep what was missed.
 */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createRandom } from '../../src/base/random.ts';

/** A client wants `each` of these rooms, chosen by its number. */
interface RoomRequest {
  readonly client: number;
  readonly rooms: readonly string[];
  readonly each: number;
}

interface Socket {
  readonly recovered: boolean;
  readonly handshake: { readonly auth: RoomRequest };
  join(rooms: readonly string[]): void;
}

/** What is used of `socket.io`, which is not among odin's packages. */
interface SocketIo {
  readonly Server: new (
    http: ReturnType<typeof createServer>,
    options: object,
  ) => {
    readonly engine: {
      on(event: 'connection', listener: (raw: { request: unknown }) => void): void;
    };
    on(event: 'connection', listener: (socket: Socket) => void): void;
    to(room: string): { emit(event: string, data: unknown): void };
  };
}

const [folder = '', port = '0', recovery = ''] = process.argv.slice(2);
const { Server } = createRequire(join(folder, 'package.json'))('socket.io') as SocketIo;

const http = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { channel, data } = JSON.parse(body);
  io.to(channel).emit(channel, data);
  response.end('{}');
});

const io = new Server(http, {
  transports: ['websocket'],
  serveClient: false,
  ...(recovery === 'recovery' && {
    connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: true },
  }),
});

// As its page on memory usage says.
io.engine.on('connection', (raw) => {
  raw.request = null;
});
io.on('connection', (socket) => {
  // Who comes back to what it had has its rooms, too.
  if (socket.recovered) return;
  const { client, rooms, each } = socket.handshake.auth;
  const random = createRandom(client);
  const drawn = rooms.map((room) => ({ room, lot: random.next() }));
  const chosen = drawn.toSorted((a, b) => a.lot - b.lot).slice(0, each);
  socket.join(chosen.map(({ room }) => room));
});

http.listen(Number(port), '127.0.0.1', () =>
  console.log(`listening ${(http.address() as AddressInfo).port}`),
);
process.on('SIGTERM', () => process.exit(0));

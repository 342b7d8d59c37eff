/** A TCP load balancer for tests: spreads connections over the servers that are in. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Balances in turn. Disposing it closes everything that went through it. */
export interface Balancer extends AsyncDisposable {
  readonly port: number;
  /** Ports of the servers that new connections go to. */
  servers: number[];
  /** When each connection came, in milliseconds since 1970. */
  readonly arrivals: number[];
}

/** Starts one on a free port of the loopback. */
export async function startBalancer(servers: readonly number[]): Promise<Balancer> {
  const sockets = new Set<Socket>();
  let next = 0;
  const listener = createServer({ noDelay: true }, (client) => {
    balancer.arrivals.push(Date.now());
    const port = balancer.servers[next++ % balancer.servers.length];
    if (port === undefined) return void client.destroy();
    const server = connect(port, '127.0.0.1').setNoDelay();
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const balancer: Balancer = {
    port,
    servers: [...servers],
    arrivals: [],
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
  return balancer;
}

/** The port at which Prometheus reads a running load test. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { reachableHost } from '../../base/address.ts';
import { RemoteError } from '../../base/errors.ts';
import { listenFault } from '../../base/listen-fault.ts';
import type { Told } from '../../config/told.ts';
import { createRunMetrics, type RunState } from './run-metrics.ts';

/** A listening endpoint. */
export interface MetricsEndpoint extends AsyncDisposable {
  readonly url: string;
}

const requestTimeoutMs = 5_000;

const hints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there: choose another port with --prometheus',
  EACCES: 'this port is for root: choose one from 1024 on with --prometheus',
};

/**
 * Serves `/metrics` at `[host]:port`, on the loopback without a host. Rejects with a RemoteError
 * when nobody can listen there.
 */
export async function startMetricsEndpoint(
  address: string,
  look: () => RunState,
  told: Told,
): Promise<MetricsEndpoint> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, Math.max(0, at)).replace(/^\[(.*)\]$/, '$1') || '127.0.0.1';
  const { registry } = createRunMetrics(look, told);
  const server = createServer({ requestTimeout: requestTimeoutMs }, async (request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end('only /metrics is here\n');
      return;
    }
    const text = await registry.metrics();
    response.setHeader('Content-Type', registry.contentType);
    response.end(text);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint = hints[error.code ?? ''] ?? 'name an address of this machine, or a port alone';
      const options = { hint, cause: error };
      reject(new RemoteError(`cannot serve metrics at ${address}: ${listenFault(error)}`, options));
    });
    server.listen(Number(address.slice(at + 1)), host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${reachableHost(host)}:${port}/metrics`,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

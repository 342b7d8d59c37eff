/** Listening on the configured address, with errors that say what to do. */
import { once } from 'node:events';
import type { Server } from 'node:net';
import { RemoteError } from '../../base/errors.ts';
import { listenFault } from '../../base/listen-fault.ts';

/** Connections that the kernel holds until they are accepted: a burst of clients must not be refused. */
const backlog = 4_096;

/** Resolves when a server listens. Throws a RemoteError when it cannot. */
export async function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  server.listen({ host, port, backlog });
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new RemoteError(`port ${port} on ${host} is in use`, {
        hint: 'stop what listens there, or choose another with --port (0 takes a free one)',
        cause: error,
      });
    }
    throw new RemoteError(`cannot listen on ${host}:${port}: ${listenFault(error)}`, {
      hint: 'choose an address of this machine with --host and a port you may use with --port',
      cause: error,
    });
  }
}

/** The fan-out server: broker → ingest → history → cohorts → connections → sockets. */
import type { Config } from '../config/schema.ts';
import type { RunningServer, ServerDeps } from './running-server.ts';
import { startSingle } from './single.ts';

export type { RunningServer, ServerDeps } from './running-server.ts';

/**
 * Starts a server, in this process or, in mode multi, in several. Throws a UsageError when a key or
 * certificate is no good, a PreflightError when the port is taken and a RemoteError when the broker
 * cannot be read.
 */
export async function startServer(
  config: Config['server'],
  deps: ServerDeps,
): Promise<RunningServer> {
  if (config.mode === 'single') return await startSingle(config, deps);
  const { startMulti } = await import('./multi/start-multi.ts');
  return await startMulti(config, deps);
}

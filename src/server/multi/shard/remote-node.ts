/** RemoteNode: the node's answers, asked from the primary by a shard. */
import type { NodeApi } from '../../reporting/node-api.ts';
import type { Asking } from '../link/asking.ts';

/** Every call goes to the primary as it is. */
export function remoteNode(asking: Asking): NodeApi {
  const call =
    <N extends keyof NodeApi>(name: N) =>
    (...args: Parameters<NodeApi[N]>) =>
      asking.ask('node', { name, args }) as ReturnType<NodeApi[N]>;
  return {
    readiness: call('readiness'),
    health: call('health'),
    metrics: call('metrics'),
    status: call('status'),
    publish: call('publish'),
    drain: call('drain'),
  };
}

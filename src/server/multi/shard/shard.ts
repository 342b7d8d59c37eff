/** Entry of a shard's process; see shard-node.ts. */
import { parentLink, parentPipe } from '../../../host/child.ts';
import type { ToShard } from '../link/shard-messages.ts';
import { ShardNode } from './shard-node.ts';

const link = parentLink((message, socket) => shard.receive(message as ToShard, socket));
const shard = new ShardNode({ send: (message) => link.send(message), pipe: parentPipe() });
link.send({ kind: 'ready' });

/** Entry of a load test's worker process; see worker-session.ts. */
import { parentLink } from '../../host/child.ts';
import type { ToWorker } from './worker-messages.ts';
import { WorkerSession } from './worker-session.ts';

const link = parentLink((message) => session.receive(message as ToWorker));
const session = new WorkerSession({ send: (message) => link.send(message), usage: link.usage });
link.send({ kind: 'ready' });

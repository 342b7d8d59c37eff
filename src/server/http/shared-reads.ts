/** SharedReads: a NodeApi whose reports are made once for all who ask at the same time. */
import type { NodeApi } from '../reporting/node-api.ts';

/** Whoever asks while a report is being made shares the next one, which is of no earlier than then. */
export function sharedReads(node: NodeApi): NodeApi {
  // Those who ask for the same share; there are as many kinds as there are sets of sections.
  const statuses = new Map<string, () => ReturnType<NodeApi['status']>>();
  const statusOf: NodeApi['status'] = (sections) => {
    const key = sections.join();
    const ask = statuses.get(key) ?? shared(() => node.status(sections));
    statuses.set(key, ask);
    return ask();
  };
  return {
    ...node,
    readiness: shared(() => node.readiness()),
    health: shared(() => node.health()),
    metrics: shared(() => node.metrics()),
    status: statusOf,
  };
}

function shared<T>(make: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  return function ask(): Promise<T> {
    if (current === undefined) {
      current = make().finally(() => {
        current = undefined;
      });
      return current;
    }
    const after = () => {
      next = undefined;
      return ask();
    };
    next ??= current.then(after, after);
    return next;
  };
}

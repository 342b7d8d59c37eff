/** LocalNode: the node's answers in the process that has its state. */
import type { Registry } from 'prom-client';
import type { StatusDetails } from '../details/status-details.ts';
import type { Publishing } from '../ingest/publishing.ts';
import { drainReport, healthReport, notReadyReasons } from './health.ts';
import type { NodeApi } from './node-api.ts';
import type { NodeState } from './node-state.ts';
import { statusReport } from './status-report.ts';

/** What the answers are made from. */
export interface LocalNodeParts {
  readonly state: NodeState;
  readonly metrics: Registry;
  readonly details: Pick<StatusDetails, 'sections'>;
  /** Undefined when the broker is not the embedded one. */
  readonly publishing: Publishing | undefined;
  /** Lets all clients go; again has no further effect. */
  readonly startDrain: () => void;
}

/** Answers for the whole node, also when other processes serve its clients. */
export function localNode({
  state,
  metrics,
  details,
  publishing,
  startDrain,
}: LocalNodeParts): NodeApi {
  return {
    // Probes come often, and need nothing that other processes count.
    readiness: async () => notReadyReasons(state),
    async health() {
      return healthReport(state, await state.refresh());
    },
    async metrics() {
      await state.refresh();
      return { contentType: metrics.contentType, text: await metrics.metrics() };
    },
    async status(sections) {
      const [more, silent] = await Promise.all([details.sections(sections), state.refresh()]);
      const silentShards = new Set([...silent, ...more.silent]);
      return { ...statusReport(state, [...silentShards]), ...more.sections };
    },
    async publish(submission) {
      if (publishing !== undefined) return await publishing.take(submission);
      const error = 'this server reads from a broker: publish there';
      return { status: 409, body: { error, code: 'NOT_EMBEDDED' } };
    },
    async drain() {
      await state.refresh();
      startDrain();
      return drainReport(state.protection.drain, state.connections.size);
    },
  };
}

/** odin in one mode, with events that come from within: what is measured is fan-out, not publishing. */
import { performance } from 'node:perf_hooks';
import { openBroker } from '../src/broker/open.ts';
import { configSchema } from '../src/config/schema.ts';
import { createLog } from '../src/host/log.ts';
import { startServer } from '../src/server/index.ts';
import { fixedEvents } from './feeder.ts';

const [mode = '', shards = '', perSecond = '0'] = process.argv.slice(2);
const config = configSchema.parse({
  server: {
    mode,
    port: 0,
    host: '127.0.0.1',
    shards: { count: Number(shards) },
    // Both modes are measured as they are, not as they refuse.
    guard: { cpuRejectPercent: 0, cpuPausePercent: 0 },
  },
  broker: {},
});
const log = createLog(process.stderr, 'warn', 'json');
const nodeId = 'bench';
const broker = await openBroker(config.broker, { log, nodeId });
const server = await startServer(config.server, { broker, nodeId, log });
await server.ready;
const producer = await broker.openProducer();
const makeEvent = fixedEvents();
const startMs = performance.now();
let sent = 0;

if (Number(perSecond) > 0) publishDue();
console.log(`listening ${server.port}`);
process.on('SIGTERM', () => void server[Symbol.asyncDispose]().then(() => process.exit(0)));

/** The pace is an open loop: a slow server gets no fewer events. */
function publishDue(): void {
  const due = Math.floor(((performance.now() - startMs) / 1_000) * Number(perSecond));
  for (; sent < due; sent++) {
    const { key, ...event } = makeEvent(sent);
    const value = JSON.stringify(event);
    void producer.send([
      { topic: 'odin.trades', key: String(key), value, timestampMs: Date.now() },
    ]);
  }
  const nextMs = startMs + ((sent + 1) * 1_000) / Number(perSecond);
  setTimeout(publishDue, nextMs - performance.now());
}

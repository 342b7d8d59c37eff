/** `odin status`: how servers are, once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes } from '../base/errors.ts';
import { write, writeJson } from '../host/output.ts';
import { defineCommand } from './define-command.ts';
import { requireAnswer, watchOptions } from './watching.ts';

/** See the file's first line. */
export const status = defineCommand({
  sections: ['top'],
  quietSections: ['server'],
  json: 'print the second of two looks as JSON',
  examples: [
    'odin status',
    'odin status --url http://10.0.0.5:3004,http://10.0.0.6:3004',
    'odin status --json | jq .nodes[0].report.connections',
  ],
  async run({ config, host, isJson }) {
    const { FleetWatch } = await import('../watch/fleet-watch.ts');
    using watch = new FleetWatch({ ...watchOptions(config, host.signal), patienceMs: 3_000 });
    const first = await watch.look([]);
    if (host.signal.aborted) return exitCodes.interrupted;
    await requireAnswer(first, { host, isJson });
    // Rates are what two looks differ in.
    await sleep(config.top.intervalMs, undefined, { signal: host.signal }).catch(() => undefined);
    if (host.signal.aborted) return exitCodes.interrupted;
    const second = await watch.look(['machine']);
    await requireAnswer(second, { host, isJson });
    if (isJson) await writeJson(host.stdout, second);
    else {
      const { FleetModel } = await import('../tui/fleet-model.ts');
      const { glyphsFor } = await import('../tui/glyphs.ts');
      const { statusText } = await import('../tui/status-text.ts');
      const model = new FleetModel();
      model.take(first);
      await write(host.stdout, statusText(model.take(second), glyphsFor(host.env)));
    }
    return second.nodes.every(({ state }) => state === 'up') ? exitCodes.ok : exitCodes.partial;
  },
});

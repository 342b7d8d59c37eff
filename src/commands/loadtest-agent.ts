/** `odin loadtest agent`: the far end of `odin loadtest --agents`, on the machine it was asked for. */
import { UsageError } from '../base/errors.ts';
import { defineCommand } from './define-command.ts';

/** See the file's first line. */
export const agent = defineCommand({
  sections: [],
  examples: ['ssh -T load1 odin loadtest agent   # what `--agents load1` does'],
  async run({ host }) {
    if (host.stdin.isTTY === true) {
      throw new UsageError('an agent takes its orders from standard input, which is a terminal', {
        hint: 'start the run where its report is wanted: `odin loadtest --agents <host,…>`',
      });
    }
    const { serveAgent } = await import('../loadtest/agents/agent.ts');
    await serveAgent({ input: host.stdin, output: host.stdout, signal: host.signal });
    return undefined;
  },
});

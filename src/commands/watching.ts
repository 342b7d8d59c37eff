/** Watching: what `odin top` and `odin status` have in common. */
import { RemoteError } from '../base/errors.ts';
import type { Config } from '../config/schema.ts';
import { writeJson } from '../host/output.ts';
import type { FleetSnapshot } from '../protocol/fleet-snapshot.ts';
import type { WatchOptions } from '../watch/fleet-watch.ts';
import type { CommandContext } from './define-command.ts';

/** What the configuration says is watched. */
export function watchOptions(
  { top, server }: Pick<Config, 'top' | 'server'>,
  signal: AbortSignal,
): WatchOptions {
  return {
    nodes: top.url.map((url) => new URL(url)),
    adminToken: server.adminToken,
    publisher: new URL(top.publisherUrl),
    loadtest: new URL(top.loadtestUrl),
    intervalMs: top.intervalMs,
    signal,
  };
}

/** Throws a RemoteError when no node answers as it should; who asked for JSON has it in that, too. */
export async function requireAnswer(
  look: FleetSnapshot,
  { host, isJson }: Pick<CommandContext<never>, 'host' | 'isJson'>,
): Promise<void> {
  const { nodes } = look;
  if (nodes.some(({ state }) => state === 'up')) return;
  if (isJson) await writeJson(host.stdout, look);
  const problems = nodes.map(({ url, state, problem }) => `${url}: ${state}: ${problem}`);
  const isRefused = nodes.every(({ state }) => state === 'refused');
  throw new RemoteError(problems.join('\n'), {
    hint: isRefused ? undefined : 'start one with `odin serve`, or say where it is with --url',
  });
}

/** `--agents host1,ssh://me@host2:2222,local:4` as commands to start. Pure. */
import type { LoadTestConfig } from '../plan/plan.ts';

/** One agent that is to be started. */
export interface AgentHost {
  /** What it is called in messages and in the report; no two are the same. */
  readonly name: string;
  /** The machine as it was given: agents of the same one share its ports and cores. */
  readonly machine: string;
  /** Whether it is reached over ssh; else it is this machine. */
  readonly isRemote: boolean;
  readonly command: readonly [string, ...string[]];
}

/** Nobody is there to answer a question; a connection that is dead has to be noticed. */
const sshOptions = [
  '-T',
  '-oBatchMode=yes',
  '-oConnectTimeout=10',
  '-oServerAliveInterval=5',
  '-oServerAliveCountMax=2',
  // A connection that is shared for later would outlive the run, and hold its output open.
  '-oControlMaster=no',
  '--',
];

/** The agents of `config`; `local` starts odin on this machine. */
export function agentHosts(
  config: Pick<LoadTestConfig, 'agents' | 'agentCommand' | 'sshCommand'>,
  local: AgentHost['command'],
): AgentHost[] {
  const machines = config.agents.flatMap((name) => {
    const count = /^local(?::(\d+))?$/.exec(name);
    return count === null ? [name] : Array<string>(Number(count[1] ?? 1)).fill('local');
  });
  const [ssh = 'ssh', ...options] = config.sshCommand.split(/\s+/).filter(Boolean);
  return machines.map((machine, at) => {
    const isRemote = machine !== 'local';
    const before = machines.slice(0, at).filter((other) => other === machine).length;
    const isOnly = machines.filter((other) => other === machine).length === 1;
    return {
      name: isOnly && isRemote ? machine : `${machine}-${before + 1}`,
      machine,
      isRemote,
      command: isRemote ? [ssh, ...options, ...sshOptions, machine, config.agentCommand] : local,
    };
  });
}

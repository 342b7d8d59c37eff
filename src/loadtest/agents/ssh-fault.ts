/** Why an agent could not be started or went away, from what its command said. Pure. */
import type { ChildExit } from '../../host/child.ts';
import type { AgentHost } from './agent-hosts.ts';

/** One line, and what can be done about it. */
export interface AgentFault {
  readonly message: string;
  readonly hint: string | undefined;
}

type Known = readonly [pattern: RegExp, message: string, hint: string];

/** What ssh says, by its texts: it has one exit code, 255, for all of it. */
const sshFaults: readonly Known[] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED/i,
    'its host key is not the one that is known',
    'if that is as it should be, remove the old one: `ssh-keygen -R HOST`, then `ssh HOST true`',
  ],
  [
    /Host key verification failed|No \S+ host key is known/i,
    'its host key is unknown',
    'look at it and accept it once: `ssh HOST true`',
  ],
  [
    /Permission denied|Too many authentication failures/i,
    'the login was refused',
    'agents log in with a key, without asking: try `ssh -o BatchMode=yes HOST true`',
  ],
  [/Could not resolve hostname/i, 'the host name cannot be resolved', 'check the name in --agents'],
  [
    /Connection refused|timed out|No route to host|Network is unreachable/i,
    'ssh cannot reach it',
    'is its ssh server running? Try `ssh HOST true`; --ssh-command takes a port and other options',
  ],
];

/** What an agent's command says at its end; the command runs nowhere else than on `host`. */
export function faultOf(host: AgentHost, { code, signal, stderr }: ChildExit): AgentFault {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const said = lines.at(-1)?.trim() ?? '';
  const quoted = said === '' ? '' : `: ${said}`;
  const [program] = host.command;
  const way = `its ${program.replace(/.*\//, '')}`;
  if (code === null && signal === null) {
    return { message: `cannot start ${program}${quoted}`, hint: 'is it installed?' };
  }
  if (signal !== null) {
    return { message: `${host.isRemote ? way : 'it'} was ended by ${signal}`, hint: undefined };
  }
  if (host.isRemote && code === 127) {
    return {
      message: `odin was not found there${quoted}`,
      hint: 'install odin there, or say where it is with --agent-command',
    };
  }
  const known =
    host.isRemote && code === 255 ? sshFaults.find(([pattern]) => pattern.test(stderr)) : undefined;
  if (known !== undefined) {
    const [, message, hint] = known;
    return { message: `${message}${quoted}`, hint: hint.replaceAll('HOST', host.machine) };
  }
  // Any other code is that of the command, which ssh hands on.
  const who = host.isRemote && code === 255 ? way : 'it';
  return { message: `${who} ended with exit code ${code}${quoted}`, hint: undefined };
}

/** Tests of agent-hosts.ts and ssh-fault.ts: what is started, and what is made of its end. */
import { expect, test } from 'vitest';
import { agentHosts } from './agent-hosts.ts';
import { faultOf } from './ssh-fault.ts';

const local = ['node', 'main.js'] as const;
const settings = { agentCommand: 'odin loadtest agent', sshCommand: ' ssh  -p 2222 ' };

test('hosts have a name each, and a command', () => {
  const hosts = agentHosts({ ...settings, agents: ['web', 'local:2', 'twice', 'twice'] }, local);
  expect(hosts.map(({ name, machine }) => [name, machine])).toEqual([
    ['web', 'web'],
    ['local-1', 'local'],
    ['local-2', 'local'],
    ['twice-1', 'twice'],
    ['twice-2', 'twice'],
  ]);
  expect(hosts[1]?.command).toEqual(local);
  const command = hosts[0]?.command ?? [];
  expect(command.slice(0, 3)).toEqual(['ssh', '-p', '2222']);
  expect(command).toContain('-oBatchMode=yes');
  expect(command.slice(-3)).toEqual(['--', 'web', 'odin loadtest agent']);
});

const [remote, here] = agentHosts({ ...settings, agents: ['web', 'local'] }, local);

test.each([
  [
    255,
    'Warning: x\nNo ED25519 host key is known for web and you have requested strict checking.\nHost key verification failed.',
    'its host key is unknown: Host key verification failed.',
    'ssh web true',
  ],
  [255, '@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nx', 'is not the one', '-R web'],
  [255, 'me@web: Permission denied (publickey).', 'the login was refused', 'BatchMode'],
  [255, 'ssh: Could not resolve hostname web: no', 'cannot be resolved', '--agents'],
  [255, 'connect to host web port 22: Connection timed out', 'ssh cannot reach it', 'running'],
  [127, 'sh: 1: odin: not found', 'odin was not found there: sh: 1: odin', '--agent-command'],
  [255, 'something else', 'its ssh ended with exit code 255: something else', undefined],
  [2, '', 'it ended with exit code 2', undefined],
])('over ssh, %i with %j', (code, stderr, message, hint) => {
  const fault = faultOf(remote!, { code, signal: null, stderr });
  expect(fault.message).toContain(message);
  if (hint === undefined) expect(fault.hint).toBeUndefined();
  else expect(fault.hint).toContain(hint);
});

test('a command that cannot be started, or was killed', () => {
  const stderr = 'spawn ssh ENOENT';
  expect(faultOf(remote!, { code: null, signal: null, stderr })).toEqual({
    message: 'cannot start ssh: spawn ssh ENOENT',
    hint: 'is it installed?',
  });
  expect(faultOf(here!, { code: null, signal: 'SIGKILL', stderr: '' }).message).toBe(
    'it was ended by SIGKILL',
  );
  expect(faultOf(here!, { code: 127, signal: null, stderr: '' }).message).toBe(
    'it ended with exit code 127',
  );
});

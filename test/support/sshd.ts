/** A real ssh server on a port of its own, with keys made for the test. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const binaries = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd'];

/** Path of the server; undefined where there is none, which CI does not accept. */
export const sshdPath = findSshd();

/** A running server that lets the user of the tests in, by key. */
export interface TestSshd extends AsyncDisposable {
  /** What `--agents` takes. */
  readonly host: string;
  /** `ssh` with the key of the user and the known host key; with `without`, lacking one of them. */
  command(without?: 'user key' | 'host key'): string;
}

/** Starts it on a free port of 127.0.0.1. */
export async function startSshd(): Promise<TestSshd> {
  const folder = await mkdtemp(join(tmpdir(), 'odin-sshd-'));
  const at = (name: string) => join(folder, name);
  for (const name of ['host_key', 'user_key', 'other_key']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  }
  const port = await freePort();
  const hostKey = await readFile(at('host_key.pub'), 'utf8');
  await writeFile(at('known_hosts'), `[127.0.0.1]:${port} ${hostKey}`);
  await writeFile(at('nobody'), '');
  await writeFile(
    at('sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host_key')}`,
      `AuthorizedKeysFile ${at('user_key.pub')}`,
      'PidFile none',
      'StrictModes no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
    ].join('\n'),
  );
  // Where root starts it, it insists on this folder, which the init script makes otherwise.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const server = spawn(sshdPath ?? '', ['-D', '-e', '-f', at('sshd_config')], { stdio: 'ignore' });
  await listens(port);
  return {
    host: `ssh://${userInfo().username}@127.0.0.1:${port}`,
    command(without) {
      const key = without === 'user key' ? 'other_key' : 'user_key';
      const known = without === 'host key' ? 'nobody' : 'known_hosts';
      return `ssh -F none -i ${at(key)} -oIdentitiesOnly=yes -oUserKnownHostsFile=${at(known)}`;
    },
    async [Symbol.asyncDispose]() {
      server.kill();
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
      await rm(folder, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function listens(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await sleep(50);
  }
  throw new Error(`sshd does not listen on ${port}`);
}

function findSshd(): string | undefined {
  const found = binaries.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const hint = 'They need sshd: Debian has it in openssh-server.';
  if (process.env['CI'] !== undefined) throw new Error(`There is no ssh server. ${hint}`);
  process.stderr.write(`\n*** No sshd: all tests that need one are SKIPPED. ***\n${hint}\n\n`);
  return undefined;
}

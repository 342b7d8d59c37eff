/** Tests of agents behind a real ssh server: what works, and each way in which it does not. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OdinError } from '../src/base/errors.ts';
import { FaultServer } from './support/fault-server.ts';
import { faultsOf, publish, run } from './support/run-loadtest.ts';
import { sshdPath, startSshd, type TestSshd } from './support/sshd.ts';

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const agentCommand = `${process.execPath} ${pathOf('../src/main.ts')} loadtest agent`;
const unreachable = 'ws://127.0.0.1:9/ws';

describe.skipIf(sshdPath === undefined)('over ssh', { concurrent: true }, () => {
  let sshd: TestSshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd?.[Symbol.asyncDispose]());

  const settings = (more: Record<string, string> = {}) => ({
    agents: sshd.host,
    sshCommand: sshd.command(),
    agentCommand,
    // Events come while it holds, also on a busy machine.
    durationMs: '3s',
    ...more,
  });

  /** What a run that cannot start says. */
  async function refusal(more: Record<string, string>) {
    const error = await run(unreachable, settings(more)).catch((thrown: unknown) => thrown);
    if (!(error instanceof OdinError)) throw error;
    const { exitCode, message, hint } = error;
    return { exitCode, message, hint };
  }

  test('a run with one agent there and one here, behind the talk of a login shell', async () => {
    await using server = await FaultServer.start();
    const agents = `${sshd.host},local`;
    const [report] = await Promise.all([
      run(server.url, settings({ agents, agentCommand: `echo Welcome; ${agentCommand}` })),
      publish(server, 20, 20),
    ]);
    expect(faultsOf(report)).toEqual([]);
    expect(report).toMatchObject({ messages: { received: 400, lost: 0 } });
    expect(report.agents?.map(({ name, opened }) => [name, opened])).toEqual([
      [sshd.host, 10],
      ['local-1', 10],
    ]);
  });

  test('the clock of an agent is found, and its times are put right', async () => {
    await using server = await FaultServer.start();
    const env = `ODIN_TEST_CLOCK_AHEAD=5000 NODE_OPTIONS='--import ${pathOf('./support/shifted-clock.js')}'`;
    const agents = `${sshd.host},local`;
    const [report] = await Promise.all([
      run(server.url, settings({ agents, agentCommand: `${env} ${agentCommand}` })),
      publish(server, 20, 20),
    ]);
    const [ahead, level] = report.agents ?? [];
    const { offsetMs = 0, uncertaintyMs = 0 } = ahead?.clock ?? {};
    expect(Math.abs(offsetMs - 5_000)).toBeLessThan(uncertaintyMs + 2);
    expect(ahead?.clockCorrectedMs).toBeCloseTo(5_000, -2);
    expect(level?.clockCorrectedMs).toBe(0);
    expect(report.latencyMs.max).toBeLessThan(2_500);
    expect(report.latencyMs.p50).toBeGreaterThan(0);
    expect(report.connectMs.max).toBeLessThan(2_500);
    expect(report).toMatchObject({ messages: { received: 400, lost: 0 } });
    expect(faultsOf(report)).toEqual([]);
  });

  test('a connection that drops is a lost agent', async ({ expect: expectHere }) => {
    await using server = await FaultServer.start();
    let pids: readonly number[] = [];
    const onWorkers = (ids: readonly number[]) => {
      pids = ids;
    };
    const [report] = await Promise.all([
      run(server.url, settings({ agents: `${sshd.host},local` }), { onWorkers }),
      publish(server, 20, 10).then(() => process.kill(pids[0] as number, 'SIGKILL')),
    ]);
    expect(report.verdict).toBe('inconclusive');
    expect(report.reasons[0]).toContain(`agent ${sshd.host} was lost`);
    expect(report.reasons[0]).toContain('with 10 clients: its ssh was ended by SIGKILL');
    await expectHere.poll(() => server.sockets).toBe(0);
  });

  test('an unknown host key', async () => {
    const { exitCode, message, hint } = await refusal({ sshCommand: sshd.command('host key') });
    expect(exitCode).toBe(4);
    expect(message).toMatch(/^agent ssh:\S+: its host key is unknown: /);
    expect(hint).toContain(`ssh ${sshd.host} true`);
  });

  test('a login that is refused', async () => {
    const { exitCode, message } = await refusal({ sshCommand: sshd.command('user key') });
    expect(exitCode).toBe(4);
    expect(message).toMatch(/^agent ssh:\S+: the login was refused: .*Permission denied/);
  });

  test('a host without odin', async () => {
    const { exitCode, message, hint } = await refusal({ agentCommand: 'no-odin loadtest agent' });
    expect(exitCode).toBe(4);
    expect(message).toMatch(/odin was not found there: .*no-odin/);
    expect(hint).toContain('--agent-command');
  });

  test('nobody there, and a name that nobody has', async () => {
    const agents = 'ssh://nobody@127.0.0.1:9,name.invalid';
    const { exitCode, message } = await refusal({ agents });
    expect(exitCode).toBe(4);
    const [refused, unknown] = message.split('\n');
    expect(refused).toMatch(/^agent ssh:\S+:9: ssh cannot reach it: .*refused/);
    expect(unknown).toMatch(/^agent name.invalid: the host name cannot be resolved/);
  });

  test('another odin', async () => {
    const hello = `{"kind":"hello","protocol":1,"version":"0.0.1","machine":{}}`;
    const { exitCode, message } = await refusal({ agentCommand: `echo '${hello}'; cat` });
    expect(exitCode).toBe(4);
    expect(message).toMatch(/it is odin 0\.0\.1 \(agent protocol 1\), this is \d/);
  });

  test('a program that is no agent', async () => {
    const { exitCode, message } = await refusal({ agentCommand: 'yes hello' });
    expect(exitCode).toBe(4);
    expect(message).toMatch(/it cannot be understood: hello$/);
  });

  test('a machine that cannot do its part', async () => {
    const { exitCode, message, hint } = await refusal({
      agents: `${sshd.host},local`,
      agentCommand: `ulimit -n 60; ${agentCommand}`,
    });
    expect(exitCode).toBe(3);
    expect(message).toMatch(/^agent ssh:\S+: .*file descriptors/);
    expect(hint).toContain('ulimit -n');
  });
});

/** Tests of contradictions.ts, load-presets.ts and limits: what wins, what is complained about. */
import { expect, test } from 'vitest';
import { createHost } from '../../test/support/fake-host.ts';
import { allSections } from './document.ts';
import { resolveConfig } from './resolve.ts';
import type { Section } from './schema.ts';

interface Sources {
  readonly file?: string;
  readonly env?: Record<string, string>;
  readonly flags?: Record<string, unknown>;
}

async function loadtestOf({ file, env = {}, flags = {} }: Sources) {
  const host = createHost({ env, files: file === undefined ? {} : { 'odin.yaml': file } });
  const named = Object.entries(flags).map(([key, value]) => [`loadtest.${key}`, value] as const);
  const request = {
    sections: ['loadtest'] as const,
    flags: Object.fromEntries(named),
    file: undefined,
  };
  return (await resolveConfig(request, host)).config.loadtest;
}

function row(message: string, flags: Record<string, unknown>): [string, Record<string, unknown>] {
  return [message, flags];
}

test('settings of one source that contradict each other are all named at once', async () => {
  const flags = { stages: '1s:5', connections: '9', rampRate: '1', rampDurationMs: '2s' };
  await expect(loadtestOf({ flags })).rejects.toThrow(
    '--stage contradicts --connections, --ramp-rate, --ramp-duration: ' +
      'the stages say how many clients there are, and when\n' +
      '--ramp-duration contradicts --ramp-rate: either says how fast clients come',
  );
  const file = 'loadtest: { stages: [1s:5], durationMs: 3s }';
  await expect(loadtestOf({ file })).rejects.toThrow(
    'odin.yaml: loadtest.stages contradicts odin.yaml: loadtest.durationMs',
  );
});

test('of two sources the nearer one wins, whichever of the two settings it has', async () => {
  const byFlag = await loadtestOf({
    file: 'loadtest: { connections: 7, rampDurationMs: 9s }',
    env: { RAMP_RATE: '4' },
    flags: { stages: '1s:5' },
  });
  expect(byFlag).toMatchObject({ stages: ['1s:5'], connections: 1_000, rampRate: 500 });
  expect(byFlag.rampDurationMs).toBeUndefined();
  const stagesInFile = { file: 'loadtest: { stages: [1s:5] }', flags: { connections: '8' } };
  expect(await loadtestOf(stagesInFile)).toMatchObject({ stages: [], connections: 8 });
});

test('a preset fills in what is given nowhere else', async () => {
  expect(await loadtestOf({ flags: { preset: 'heavy' } })).toMatchObject({
    connections: 2_000,
    durationMs: 120_000,
    rampRate: 500,
  });
  const settings = { file: 'loadtest: { durationMs: 5s }', env: { RAMP_RATE: '9' } };
  expect(await loadtestOf({ ...settings, flags: { preset: 'capacity' } })).toMatchObject({
    connections: 12_000,
    durationMs: 5_000,
    rampRate: 9,
  });
  const staged = await loadtestOf({ flags: { preset: 'capacity', stages: '1s:5' } });
  expect(staged).toMatchObject({ stages: ['1s:5'], connections: 1_000, rampRate: 500 });
  await expect(loadtestOf({ flags: { preset: 'hevy' } })).rejects.toThrow(
    '--preset: expected one of light, medium, heavy,',
  );
});

const stormsInFile = 'loadtest: { storm: 1s:5%, thresholds: [return.p99 < 5s] }';
const channelsPerSecond = 'expected channels per second such as 5/s';
const rates = '--ramp-rate: expected a number from 0.1 to 1000000';

test.each<[string, Record<string, unknown>]>([
  // What no timer, no port and no machine can be, with what would do.
  ['--duration: expected less than 596h (24 days)', { durationMs: '9999999h' }],
  ['--stage: expected less than 596h (24 days) in all', { stages: '400h:5,400h:5' }],
  ['--ramp-rate: expected a number from 0.1 to 1000000', { rampRate: '0' }],
  ['--seed: expected a whole number of at least 0', { seed: '-1' }],
  ['--connections: expected a whole number from 1 to 9999999', { connections: '9007199254740991' }],
  ['--connect-attempts: expected a whole number from 1 to 1000', { connectAttempts: '99999' }],
  ['--connect-timeout: expected at most 1h', { connectTimeoutMs: '596h' }],
  ['--report-interval: expected at most 1h', { reportIntervalMs: '2h' }],
  ['--prometheus: ports end at 65535', { prometheus: ':99999' }],
  ['--agents: expected hosts', { agents: 'ssh://' }],
  ...['1e308', '1e400', '2000000', '0.05'].map((rampRate) => row(rates, { rampRate })),
  ...['5', '0/s', '10001/s', '5/s:', '5/s:soon', '5/s:2h', '-1/s'].map((churn) =>
    row(channelsPerSecond, { churn }),
  ),
  // What a load can do nothing with.
  ['--storm: expected interval:percent such as 30s:20%', { storm: '999999h:5%' }],
  ['--slow-read: makes sense with --slow only', { slowReadBytes: '1KiB' }],
  ['--mix: its profiles are channels of odin', { protocol: 'raw', mix: 'trader=1' }],
  [
    '--churn: makes sense with odin only: nothing says how to unsubscribe',
    { churn: '5/s', protocol: 'raw' },
  ],
  [
    '--tokens does nothing without --mix: it is of the clients of a mix; others want --channels',
    { tokens: 'BTC' },
  ],
  ['--profiles does nothing without --mix', { profiles: '{"whale":{"channels":["*.trade"]}}' }],
  [
    '--channels-per-client does nothing without --subscription-mode random',
    { channelsPerClient: '2' },
  ],
  ['--half-open-mode does nothing without --half-open', { halfOpenMode: 'silent' }],
  ['--max does nothing without --find-max: it is of a search', { searchMax: '9' }],
  ['--trial does nothing without --find-max', { searchTrialMs: '1s' }],
  ['--duration does nothing with --find-max: --trial says', { findMax: 'rate', durationMs: '9s' }],
  [
    '--storm does nothing in a run that is over before the first storm: raise --duration',
    { storm: '30s:20%', durationMs: '5s' },
  ],
  [
    '--storm does nothing in a run that is over before the first storm: raise --duration',
    { storm: '1s:20%', durationMs: '1100ms' },
  ],
  [
    '--slow does nothing with so few clients: its share of them is none',
    { slowPercent: '1%', connections: '20' },
  ],
  [
    '--half-open does nothing with so few clients',
    { halfOpenPercent: '1%', stages: '1s:20,1s:0', slowPercent: '20%' },
  ],
  [
    '--slow: of 40 clients nobody is left to measure with',
    { slowPercent: '50%', halfOpenPercent: '49%', connections: '40' },
  ],
  [
    '--half-open: of 5 clients nobody is left to measure with',
    { halfOpenPercent: '95%', stages: '1s:5' },
  ],
  [
    '--storm does nothing in a run that is over before the first storm: raise --duration, or the',
    { storm: '30s:20%', stages: '10s:5,20s:5' },
  ],
  [
    '--churn does nothing in a run that is over before the first channel is dropped: raise its rate',
    { churn: '0.2/s', durationMs: '5s' },
  ],
  [
    '--churn takes no channel back in a run that is over before the first was away for so long',
    { churn: '1/s:1h', durationMs: '1m' },
  ],
  [
    '--churn takes no channel back in a run that is over before the first was away for so long',
    { churn: '1/s:9s', stages: '5s:5,5s:5' },
  ],
  [
    '--churn: 5 clients can drop 155 channels in the 30s, not 3 000, as each lacks one at a time, for 1s: lower its rate, take more clients, or shorten that time',
    { churn: '100/s:1s', connections: '5' },
  ],
  [
    '--churn: 18 clients can drop 198 channels in the 10s, not 500,',
    { churn: '50/s:1s', connections: '20', slowPercent: '10%', durationMs: '10s' },
  ],
  [
    '--churn: 5 clients can drop 13 channels in the 3s, not 30,',
    { churn: '10/s', stages: '1s:2,1s:5,1s:1' },
  ],
  [
    '--churn: 5 clients can drop 15 channels in the 2s of a first trial, not 200,',
    { churn: '100/s', findMax: 'rate', slo: ['lost == 0'], connections: '5', searchTrialMs: '2s' },
  ],
  ['--agent-silence does nothing without --agents', { agentSilenceMs: '5s' }],
  [
    '--agent-command does nothing without --agents on other machines: local ones are this odin',
    { agents: 'local:4', agentCommand: 'x' },
  ],
  [
    '--connections contradicts --max: the search begins with 500 clients, and is to end at 100',
    { findMax: 'connections', slo: ['lost == 0'], connections: '500', searchMax: '100' },
  ],
  [
    '--connections contradicts --max: the search begins with 60000 clients, and is to end at 50000',
    { findMax: 'connections', slo: ['lost == 0'], connections: '60000' },
  ],
  [
    '--backoff-base contradicts --backoff-max: the first wait (5s) is longer than the longest (2s)',
    { backoffBaseMs: '5s' },
  ],
  // Conditions that nothing can be measured for.
  [
    '--threshold: return.p99 can only be told with storms: --storm',
    { thresholds: ['lost == 0 & return.p99 < 5s'] },
  ],
  [
    '--threshold: ack.max can only be told where subscriptions change: --churn 5/s',
    { thresholds: ['hold: ack.max < 5s'], storm: '1s:5%' },
  ],
  [
    '--slo: return.p99 can only be told with storms, and a search has none',
    { slo: ['return.p99 < 5s'], findMax: 'connections' },
  ],
  [
    '--slo: ack.p99 can only be told where subscriptions change',
    { slo: ['ack.p99 < 5s'], findMax: 'connections' },
  ],
  [
    '--slo: opened counts only the clients that come to a level, not those that are there',
    { slo: ['opened <= 5'], findMax: 'connections' },
  ],
  [
    '--threshold: return.p50 can only be told with storms, and a search has none',
    { thresholds: ['return.p50 < 5s'], findMax: 'connections' },
  ],
  [
    'hold is over by then: it lasts 2s\n  hold: lost == 0 abort after 2s\n  ' +
      `${' '.repeat('hold: lost == 0 abort after '.length)}^`,
    { thresholds: ['hold: lost == 0 abort after 2s'], durationMs: '2s' },
  ],
  [
    'the run is over by then: it lasts 30s',
    { thresholds: ['lost == 0 abort after 1h'], stages: '10s:5,20s:5' },
  ],
  [
    'b is over by then: it lasts 20s',
    { thresholds: ['b: lost == 0 abort after 25s'], stages: '10s:5,b=20s:5' },
  ],
  [
    'ramp-down is over by then: it lasts 1s',
    { thresholds: ['ramp-down: lost == 0 abort after 2s'], rampDownMs: '1s' },
  ],
])('%s', async (message, flags) => {
  await expect(loadtestOf({ flags })).rejects.toThrow(message);
});

test.each<Sources>([
  // Unrest that comes in time.
  { flags: { storm: '30s:20%', stages: '10s:5,21s:5' } },
  { flags: { storm: '1s:20%', durationMs: '1200ms' } },
  { flags: { slowPercent: '0%', halfOpenPercent: '10%', connections: '10' } },
  { flags: { churn: '1/s:8s', durationMs: '10s' } },
  { flags: { churn: '1/s:10s', durationMs: '10s', rampDownMs: '2s' } },
  { flags: { churn: '1/s:1m', findMax: 'connections', slo: ['lost == 0'] } },
  { flags: { churn: '5/s:1s', connections: '5' } },
  { flags: { churn: '100/s:0s', connections: '1' } },
  { flags: { churn: '5/s:300ms', connections: '2', durationMs: '1s' } },
  { flags: { churn: '2/s', stages: '1s:0,2s:4,1s:0' } },
  { flags: { churn: '5/s:9s', connections: '10', durationMs: '10s', storm: '1s:100%' } },
  ...['5/s', '0.5/s:250ms', '10000/s:0s'].map((churn) => ({ flags: { churn } })),
  // Conditions that can be measured in time, or do not count.
  { file: stormsInFile },
  { file: stormsInFile, flags: { findMax: 'connections', slo: ['lost == 0'] } },
  { flags: { thresholds: ['opened >= 5'] } },
  {
    file: 'loadtest: { thresholds: [opened >= 5] }',
    flags: { findMax: 'rate', publisherUrl: 'http://127.0.0.1:1', slo: ['lost == 0'] },
  },
  { flags: { thresholds: ['ack.p99 < 5s'], churn: '5/s' } },
  { flags: { thresholds: ['ramp: failed == 0 abort after 1h'], durationMs: '2s' } },
  { flags: { thresholds: ['lost == 0 abort after 25s'], stages: '10s:5,20s:5' } },
  { flags: { slo: ['ack.p99 < 5s'], churn: '5/s', findMax: 'connections' } },
  // What goes together, or stands in a file for other runs.
  { flags: { tokens: 'BTC', mix: 'trader=1' } },
  { flags: { agents: 'load1,local:2', agentCommand: 'x', sshCommand: 'ssh -4' } },
  { file: 'loadtest: { tokens: [BTC], searchTrialMs: 5s, halfOpenMode: silent }' },
  { flags: { findMax: 'connections', slo: ['lost == 0'], searchMax: '100' } },
  { file: 'loadtest: { connections: 500, findMax: connections }', flags: { searchMax: '100' } },
  { flags: { findMax: 'rate', connections: '500', searchMax: '100' } },
  { flags: { backoffMaxMs: '10ms' } },
])('taken: %j', async (given) => {
  const { churn } = given.flags ?? {};
  await expect(loadtestOf(given)).resolves.toMatchObject(churn === undefined ? {} : { churn });
});

test('a number in powers of ten is read', async () => {
  expect(await loadtestOf({ flags: { rampRate: '1e3' } })).toMatchObject({ rampRate: 1_000 });
});

test('a section is held against itself only where it is used', async () => {
  const files = [
    'loadtest: { backoffBaseMs: 5s }',
    'loadtest: { stages: [1s:5], connections: 9 }',
    'loadtest: { insecure: true, slowReadBytes: 1KiB }',
  ];
  for (const file of files) {
    const host = createHost({ files: { 'odin.yaml': `${file}\nserver: { port: 9 }` } });
    const resolved = (sections: readonly Section[]) =>
      resolveConfig({ sections, flags: {}, file: undefined }, host);
    expect((await resolved(['server', 'log'])).config.server.port).toBe(9);
    await expect(resolved(['loadtest']), file).rejects.toThrow('odin.yaml: loadtest.');
    await expect(resolved(allSections), file).rejects.toThrow('odin.yaml: loadtest.');
  }
  // A value that is none is a mistake in the file, whoever reads it.
  const text = 'loadtest: { insecure: true, channels: [], storm: never }';
  const host = createHost({ files: { 'odin.yaml': text } });
  const request = { sections: ['server'] as const, flags: {}, file: undefined };
  const error = await resolveConfig(request, host).catch((thrown: Error) => thrown);
  const { message } = error as Error;
  expect(message).toMatch(/loadtest\.channels: expected/);
  expect(message).not.toContain('insecure');
});

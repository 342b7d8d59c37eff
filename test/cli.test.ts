/** The command line in process: help, precedence, complaints, exit codes. */
import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { run } from '../src/cli.ts';
import { createHost, odin } from './support/fake-host.ts';

const settingOf = (stdout: string, key: string) => {
  const { settings } = JSON.parse(stdout) as {
    settings: { key: string; value: unknown; origin: string }[];
  };
  return settings.find((setting) => setting.key === key)!;
};

test('help names every command and goes to standard output', async () => {
  const { exitCode, stdout, stderr } = await odin('--help');
  expect(exitCode).toBe(0);
  expect(stderr).toBe('');
  for (const name of ['demo', 'serve', 'publish', 'loadtest', 'topics', 'bridge', 'config']) {
    expect(stdout).toMatch(new RegExp(`^  ${name}`, 'm'));
  }
});

test('no arguments shows the help', async () => {
  expect(await odin('')).toEqual(await odin('--help'));
});

test('help of a command shows defaults, environment names and examples', async () => {
  const { exitCode, stdout } = await odin('serve --help');
  expect(exitCode).toBe(0);
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
    '--port <n> port to listen on; 0 takes a free one (default 3004) [ODIN_SERVER_PORT]',
  );
  expect(stdout).toContain('$ odin serve --broker kafka://');
  expect(stdout).not.toContain('--admin-token');
});

test('help of a command shows its own flags first, and those of its parts below their names', async () => {
  const { stdout } = await odin('topics tail --help');
  // All settings of a bridge are of a part.
  for (const help of [stdout, (await odin('bridge --help')).stdout]) {
    expect(help.match(/^\S.*:$/gm)).toEqual([
      'Options:',
      'Kafka:',
      'NATS:',
      'Log:',
      'Global Options:',
      'Examples:',
    ]);
  }
  const [own = '', kafka = ''] = stdout.split(/^Kafka:$/m);
  expect(own.match(/^ {2}-+[\w-]+/gm)).toEqual(
    ['--broker', '--url', '--since', '--limit', '--json', '-h'].map((flag) => `  ${flag}`),
  );
  expect(kafka).toMatch(/^ {2}--kafka-tls-ca-file <file>/m);
});

test('`odin help` with the name of a command is its `--help`', async () => {
  expect(await odin('help topics tail')).toEqual(await odin('topics tail --help'));
});

test('a flag wins over the environment, that over .env, that over the file', async () => {
  const files = {
    'odin.yaml': 'server:\n  maxConnections: 1\n',
    '.env': 'WS_MAX_CONNECTIONS=2\nLOG_LEVEL=debug\n',
  };
  const file = await odin('config show --json', { files: { 'odin.yaml': files['odin.yaml'] } });
  expect(settingOf(file.stdout, 'server.maxConnections')).toMatchObject({
    value: 1,
    origin: 'odin.yaml',
  });
  const dotEnv = await odin('config show --json', { files });
  expect(settingOf(dotEnv.stdout, 'server.maxConnections')).toMatchObject({
    value: 2,
    origin: '.env: WS_MAX_CONNECTIONS',
  });
  const env = await odin('config show --json', { files, env: { WS_MAX_CONNECTIONS: '3' } });
  expect(settingOf(env.stdout, 'server.maxConnections')).toMatchObject({
    value: 3,
    origin: 'WS_MAX_CONNECTIONS',
  });
  expect(settingOf(env.stdout, 'log.level')).toMatchObject({
    value: 'debug',
    origin: '.env: LOG_LEVEL',
  });
  const flag = await odin('serve --max-connections x', { files, env: { WS_MAX_CONNECTIONS: '3' } });
  expect(flag.stderr).toContain(
    '--max-connections: expected a whole number of at least 1, got "x"',
  );
});

test('all complaints come at once, each with its source and the nearest name', async () => {
  const { exitCode, stderr, stdout } = await odin(
    'serve --prot 1 --port 99999 --flush-interval soon',
    {
      files: {
        'odin.yaml': 'server:\n  maxConections: 5\nbrokr: {}\n',
        '.env': 'WS_MODE=triple\n',
      },
      env: { WS_MAX_CONNECTIONS: 'many' },
    },
  );
  expect(exitCode).toBe(2);
  expect(stdout).toBe('');
  expect(
    stderr
      .split('\n')
      .filter((line) => line.startsWith('error:'))
      .toSorted(),
  ).toEqual([
    'error: --flush-interval: expected a duration such as 30s or 1m30s, got "soon"',
    'error: --port: expected a whole number from 0 to 65535, got "99999"',
    'error: --prot: unknown flag, did you mean --port?',
    'error: .env: WS_MODE: expected single or multi, got "triple"',
    'error: WS_MAX_CONNECTIONS: expected a whole number of at least 1, got "many"',
    'error: odin.yaml: unknown key brokr, did you mean broker?',
    'error: odin.yaml: unknown key server.maxConections, did you mean maxConnections?',
  ]);
  expect(stderr).toContain('hint: ');
});

test.each([
  [
    'servr',
    /^error: unknown command: servr, did you mean `odin serve`\?\nhint: see `odin --help`\n$/,
  ],
  ['-c a.yaml nonsense --help', /^error: unknown command: nonsense\nhint: see `odin --help`\n$/],
  ['help nonsense', /^error: unknown command: nonsense\nhint: /],
  ['--nope', /^error: unknown option '--nope'\nhint: see `odin --help`\n$/],
  ['config shwo', /unknown command 'shwo', did you mean show\?\nhint: see `odin config --help`\n$/],
  ['serve --port', /argument missing\nhint: see `odin serve --help`\n$/],
  ['topics tail BTC.* --since', /argument missing\nhint: see `odin topics tail --help`\n$/],
  ['serve --shards 4', /--shards: mode single has no shards\nhint: add --mode multi\n$/],
  ['serve --auth-origins app.example.com', /--auth-origins: expected origins such as https:/],
  ['bridge --from nats://a --to kafka://b:1 --broker kafka://b:1', /--broker: unknown flag/],
  ['topics create --broker nats://a --prefix x.', /--prefix: cannot put "x." before/],
  ['serve now', /unexpected argument: now/],
  ['config', /Usage: odin config/],
  [
    'config check --config missing.yaml',
    /--config: cannot read missing.yaml: no such file\nhint: see what is there: ls \//,
  ],
  ['publish --rate 0', /--rate: expected a number from 0.1 to 50000, got "0"/],
  ['publish --tokens B/C', /--tokens: expected token symbols/],
  ['publish --target ftp://x', /--target: expected http:\/\/host:port/],
  ['loadtest --channels nonsense', /--channels: expected channels such as/],
  [
    'loadtest --threshold lost==',
    /--threshold: expected a plain number\nerror: {3}lost==\nerror: {9}\^$/m,
  ],
  ['loadtest --url http://x', /--url: expected ws:\/\/host:port\/ws/],
  ['serve --broker rabbit://x', /--broker: expected embedded, kafka:\/\/host:port/],
  ['serve --broker kafka://a:1,b:99999', /--broker: expected ports from 1 to 65535, got "kafka/],
  ['topics list --broker nats://a,tls://b:0', /--broker: expected ports from 1 to 65535/],
  ['bridge --from kafka://a:99999 --to nats://b', /--from: not a broker: "kafka:\/\/a:99999"/],
  ['publish --target http://a:99999', /--target: expected a port from 1 to 65535, got "http/],
  ['publish --target http://a:0', /--target: expected the port of a server: nobody listens at 0/],
  ['publish --target http://', /--target: expected http:\/\/host:port/],
  ['publish --target http://:3004', /--target: expected http:\/\/host:port/],
  ['publish --target http://a/api/publish', /--target: .*: \/api\/publish is added to it, got/],
  [
    'serve --broker nats://u:p@a:4222',
    /--broker: expected no login.*NATS_USER.*nats:\/\/…@a:4222"/,
  ],
  ['publish --target http://u:p@a', /--target: expected no login in.*, got "http:\/\/…@a"/],
  ['status --url http://a:0,http://b:1', /--url: expected the port.* at 0 \(http:\/\/a:0\), got/],
  ['status --url http://a:70000', /--url: expected a port from 1 to 65535, got/],
  ['status --url http://a:1/health', /--url: expected http:\/\/host:port and nothing behind it/],
  ['status --publisher-url http://a:0', /--publisher-url: expected the port of a server/],
  ['top --once --publisher-url http://a/status', /--publisher-url: .* and nothing behind it/],
  ['top --once --loadtest-url http:a', /--loadtest-url: expected http:\/\/host:port, got "http:a"/],
  ['loadtest --publisher-url http://a:0', /--publisher-url: expected the port of a server/],
  ['loadtest --publisher-url http://a:1/stats', /--publisher-url: .* and nothing behind it/],
  ['loadtest --status-url http://a:0/api/status', /--status-url: expected the port of a server/],
  ['loadtest --status-url never', /--status-url: expected http:.*\/api\/status, or none, got/],
  ['loadtest --url ws://a:99999/ws', /--url: expected a port from 1 to 65535, got/],
  ['topics tail BTC.trade --url ws://a:0/ws', /--url: expected the port of a server/],
  ['topics tail BTC.trade --url ws:///ws', /--url: expected the address.*, got "ws:\/\/\/ws"/],
  ['topics tail BTC.trade --url ws://u:p@a', /--url: expected no login.*, got "ws:\/\/…@a"/],
  ['publish --target http://a --broker nats://b', /--target and --broker exclude each other/],
  ['publish --file x --rate 5 --seed 3', /--rate, --seed: nothing is made up while a --file/],
  ['publish --speed 2', /--speed does nothing without --file/],
  ['publish --duration 0', /--duration: expected a duration of at least 1ms/],
  ['topics tail BTC.trade --url ws://a --broker nats://b', /--url and --broker exclude each other/],
  ['bridge --until-caught-up=3', /--until-caught-up: takes no value/],
  ['status --url http://a:1,http://a:1/', /--url: expected each server once/],
])('`odin %s` exits with 2 and says why', async (line, message) => {
  const { exitCode, stderr, stdout } = await odin(line);
  expect(stderr).toMatch(message);
  expect(stdout).toBe('');
  expect(exitCode).toBe(2);
});

test.each([
  ['server:\n  port: [1\n', /^.* at line 3, column 1$/],
  // What is no YAML at all is told once.
  ['{{{\n]:\n\u0000: [\n', /^.* at line 2, column 1$/],
  ['server: *b\n', /^Unresolved alias .*: b$/],
  ['server: &a\n  tls: *a\n', /^an alias stands in what it stands for$/],
  [
    `a: &a [${'x,'.repeat(20)}]\nb: &b [${'*a,'.repeat(20)}]\nc: [${'*b,'.repeat(20)}]\n`,
    /^Excessive alias count/,
  ],
  ['---\nlog: {}\n---\nlog: {}\n', /^Source .* documents, where one is expected, at line 3/],
  ['? [a]\n: b\n', /^unknown key \[ a \]$/],
  ['log:\n  level: .nan\n', /^log.level: .*, got NaN$/],
])('what is wrong with a file is one line: %j', async (yaml, complaint) => {
  const { exitCode, stderr } = await odin('config check', { files: { 'odin.yaml': yaml } });
  const [first = '', second, ...rest] = stderr.trim().split('\n');
  expect(first.replace('error: odin.yaml: ', '')).toMatch(complaint);
  expect([exitCode, second, rest]).toEqual([2, expect.stringMatching(/^hint: /), []]);
});

test('what the machine is short of is no bug', async () => {
  const stderr: string[] = [];
  const fault = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  const host = createHost({});
  const exitCode = await run({
    ...host,
    argv: ['config', 'check'],
    stderr: new Writable({
      write(chunk, _encoding, done) {
        stderr.push(String(chunk));
        done();
      },
    }),
    // As it shows wherever a file or socket is opened; no test can rely on where that is.
    readText: async () => {
      throw fault;
    },
  });
  expect(exitCode).toBe(3);
  expect(stderr.join('')).toMatch(/^error: this process may open no more .*\nhint: .*ulimit -n/);
});

test('names of the replaced system work or say what replaced them', async () => {
  const env = {
    WS_ADDR: ':3999',
    KAFKA_BROKERS: 'a:1, b:2',
    WS_WORKER_POOL_SIZE: '192',
    WS_MAX_GOROUTINES: '9',
    ENVIRONMENT: 'production',
  };
  const { exitCode, stdout, stderr } = await odin('config show --json', { env });
  expect(exitCode).toBe(0);
  expect(settingOf(stdout, 'server.port')).toMatchObject({ value: 3999, origin: 'WS_ADDR' });
  expect(settingOf(stdout, 'broker.url')).toMatchObject({
    value: 'kafka://a:1,b:2',
    origin: 'KAFKA_BROKERS',
  });
  expect(stderr).toContain('warning: WS_WORKER_POOL_SIZE: odin has no worker pool');
  expect(stderr).toContain('warning: WS_MAX_GOROUTINES: ');
  expect(stderr).toMatch(/^warning: ENVIRONMENT: .*ODIN_NODE_ID names the node/m);
});

test('secrets have no flag and are never shown', async () => {
  const env = { ADMIN_TOKEN: 'hunter2', KAFKA_SASL_PASSWORD: 'swordfish' };
  for (const line of [
    'config show',
    'config show --json',
    'config check',
    'config docs',
    'config env',
  ]) {
    const { stdout, stderr } = await odin(line, { env });
    expect(stdout + stderr).not.toMatch(/hunter2|swordfish/);
  }
  const { stdout } = await odin('config show --json', { env });
  expect(settingOf(stdout, 'server.adminToken').value).toBe('********');
});

test('`config env` prints what the environment takes, and taking it changes nothing', async () => {
  const { stdout } = await odin('config env');
  expect(stdout).toContain('WS_FLUSH_INTERVAL=50ms');
  const defaults = await odin('config show --json');
  const same = await odin('config show --json', { files: { '.env': stdout } });
  const values = (text: string) =>
    JSON.parse(text).settings.map((row: { value: unknown }) => row.value);
  expect(values(same.stdout)).toEqual(values(defaults.stdout));
});

test('the sample file is valid and changes nothing once uncommented', async () => {
  const sample = readFileSync('templates/odin.yaml', 'utf8');
  const uncommented = sample.replaceAll(/^#(?=\w| {2,}\w)/gm, '');
  const plain = await odin('config check', { files: { 'odin.yaml': sample } });
  expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
  const { exitCode, stderr, stdout } = await odin('config show --json', {
    files: { 'odin.yaml': uncommented },
  });
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  expect(settingOf(stdout, 'server.port')).toMatchObject({ value: 3004, origin: 'odin.yaml' });
});

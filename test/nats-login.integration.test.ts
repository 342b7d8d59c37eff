/** Logging in to NATS, and what is said when the server does not have us, or not what we need. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UsageError } from '../src/base/errors.ts';
import { consumeInto, failure, Inbox, openQuietly, outgoing } from './support/kafka-inbox.ts';
import { describeNats, natsUrl, ownStream, startNats, type TestNats } from './support/nats.ts';
import { makeOperator } from './support/nats-operator.ts';
import { makeCertificate } from './support/tls.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'odin-login-'));
});
afterAll(async () => await rm(folder, { recursive: true }));

/** Writes a file of this test run. */
async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

/** Creates a stream, sends an event and reads it. */
async function roundTrip(url: string, login: object): Promise<string[]> {
  await using broker = await openQuietly({ url, nats: { ...ownStream(), ...login } }, 'login');
  await broker.createTopics([]);
  const inbox = new Inbox();
  await using _ = await consumeInto(broker, inbox);
  await using producer = await broker.openProducer();
  await producer.send([outgoing('odin.trades', 'BTC', 'here')]);
  await inbox.untilCount(1);
  return inbox.values;
}

/** How opening fails, and that it does so soon. */
async function refusal(url: string, nats: object) {
  const startMs = performance.now();
  const error = await failure(openQuietly({ url, nats }, 'login'));
  expect(performance.now() - startMs).toBeLessThan(20_000);
  expect(error.message).not.toContain('\n');
  return error;
}

describeNats('credentials of an operator', () => {
  const operator = makeOperator();
  let nats: TestNats;
  beforeAll(async () => {
    nats = await startNats({ config: operator.config });
  });
  afterAll(async () => await nats[Symbol.asyncDispose]());

  test('let in', async () => {
    const credsFile = await file('user.creds', operator.creds.user);
    expect(await roundTrip(nats.url, { credsFile })).toEqual(['here']);
  });

  test('of another operator do not, and are not shown', async () => {
    const credsFile = await file('stranger.creds', operator.creds.stranger);
    const error = await refusal(nats.url, { credsFile });
    expect(error.message).toContain(`${nats.url} refuses the login`);
    expect(error.hint).toBe('check NATS_CREDS_FILE');
    const [jwt, seed] = [/ey\S+/, /SU\S+/].map(
      (secret) => secret.exec(operator.creds.stranger)![0],
    );
    const said = `${error.message} ${error.hint} ${JSON.stringify(error.cause)}`;
    expect(said).not.toContain(jwt);
    expect(said).not.toContain(seed);
  });

  test('are asked for when none are given', async () => {
    const error = await refusal(nats.url, {});
    expect(error.hint).toContain('NATS_CREDS_FILE');
  });

  test('of an account without JetStream are not enough', async () => {
    const credsFile = await file('poor.creds', operator.creds.poor);
    const error = await refusal(nats.url, { credsFile });
    expect(error.message).toBe(`JetStream is not enabled for this account on ${nats.url}`);
    expect(error.hint).toContain('limits for JetStream');
  });

  test.each([
    ['that do not exist', undefined],
    ['that are something else', 'S3CRET nonsense'],
  ])('%s are a mistake in the configuration', async (_, text) => {
    const path = text === undefined ? join(folder, 'none.creds') : await file('bad.creds', text);
    const opening = openQuietly({ url: nats.url, nats: { credsFile: path } }, 'login');
    const error = await opening.then(
      () => undefined,
      (reason: unknown) => reason as UsageError,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect(error!.message).toContain(path);
    expect(error!.message).not.toContain('S3CRET');
    expect(`${error!.message} ${error!.hint}`).toContain('NATS_CREDS_FILE');
  });
});

describeNats('other logins', () => {
  test('user and password let in; wrong ones do not, and are not shown', async () => {
    await using nats = await startNats({
      config: 'authorization { user: odin, password: "g00d" }',
    });
    const login = { user: 'odin', password: 'g00d' };
    expect(await roundTrip(nats.url, login)).toEqual(['here']);
    const error = await refusal(nats.url, { user: 'odin', password: 'guessed' });
    expect(error.message).toContain('refuses the login');
    expect(`${error.message} ${error.hint}`).not.toContain('guessed');
    expect(error.hint).toBe('check NATS_USER and NATS_PASSWORD');
  });

  test('a token lets in; a wrong one does not', async () => {
    await using nats = await startNats({ config: 'authorization { token: "t0ken" }' });
    expect(await roundTrip(nats.url, { token: 't0ken' })).toEqual(['here']);
    const error = await refusal(nats.url, { token: 'guessed' });
    expect(`${error.message} ${error.hint}`).not.toContain('guessed');
    expect(error.hint).toBe('check NATS_TOKEN');
  });

  test('an NKey lets in; another does not', async () => {
    const [known, other] = [nkeys.createUser(), nkeys.createUser()];
    const text = (pair: typeof known) => new TextDecoder().decode(pair.getSeed());
    await using nats = await startNats({
      config: `authorization { users: [ { nkey: ${known.getPublicKey()} } ] }`,
    });
    const nkeyFile = await file('user.nk', `# of odin\n${text(known)}\n`);
    expect(await roundTrip(nats.url, { nkeyFile })).toEqual(['here']);
    const error = await refusal(nats.url, { nkeyFile: await file('other.nk', text(other)) });
    expect(error.hint).toBe('check NATS_NKEY_FILE');
  });

  test('two at a time are a mistake in the configuration', async () => {
    const nats = { token: 'S3CRET', user: 'odin', password: 'S3CRET' };
    const opening = openQuietly({ url: natsUrl, nats }, 'login');
    await expect(opening).rejects.toThrow(
      'more than one login for NATS: NATS_USER, NATS_PASSWORD, NATS_TOKEN',
    );
  });
});

describeNats('TLS', () => {
  test('is spoken where the server asks for it, with an authority that is trusted', async () => {
    await using certificate = await makeCertificate();
    const { certFile, keyFile } = certificate;
    const config = `tls { cert_file: "${certFile}", key_file: "${keyFile}" }`;
    await using nats = await startNats({ config });
    const url = `tls://${nats.address}`;
    expect(await roundTrip(url, { tlsCaFile: certFile })).toEqual(['here']);
    expect(await roundTrip(nats.url, { tlsCaFile: certFile })).toEqual(['here']);
    const error = await refusal(url, {});
    expect(error.message).toContain(`cannot reach ${url}: `);
    expect(error.hint).toContain('--nats-tls-ca-file');
  });

  test('is never left out where we ask for it', async () => {
    const url = natsUrl!.replace('nats:', 'tls:');
    const error = await refusal(url, {});
    expect(error.message).toContain(`cannot reach ${url}: `);
  });

  test('shows our certificate to a server that wants one', async () => {
    await using certificate = await makeCertificate();
    const { certFile, keyFile } = certificate;
    const files = `cert_file: "${certFile}", key_file: "${keyFile}", ca_file: "${certFile}"`;
    await using nats = await startNats({ config: `tls { ${files}, verify: true }` });
    const login = { tlsCaFile: certFile, tlsCertFile: certFile, tlsKeyFile: keyFile };
    expect(await roundTrip(nats.url, login)).toEqual(['here']);
    await refusal(nats.url, { tlsCaFile: certFile });
  });
});

describeNats('a server that does not have what odin needs', () => {
  test('has no JetStream', async () => {
    await using nats = await startNats({ jetStream: false });
    const error = await refusal(nats.url, {});
    expect(error.message).toBe(`JetStream is not enabled on ${nats.url}`);
    expect(error.hint).toContain('-js');
  });

  test('is not there, or no NATS', async () => {
    const error = await refusal('nats://127.0.0.1:1', {});
    expect(error.message).toBe('cannot reach nats://127.0.0.1:1: connection refused');
  });

  describe('lets us do less than is needed', () => {
    const user = (permissions: string) =>
      `authorization { users: [
        { user: all, password: all }
        { user: odin, password: odin, permissions: { ${permissions} } }
      ] }`;
    const login = { user: 'odin', password: 'odin' };

    test('no use of the JetStream API', async () => {
      await using nats = await startNats({ config: user('publish: "odin.>"') });
      const error = await refusal(nats.url, login);
      expect(error.message).toBe(
        `${nats.url} forbids looking at stream ODIN_TOKENS: the user may not publish to $JS.API.STREAM.INFO.ODIN_TOKENS`,
      );
      expect(error.hint).toContain('$JS.API.>');
    });

    test('no reading of answers', async () => {
      await using nats = await startNats({ config: user('subscribe: "odin.>"') });
      const error = await refusal(nats.url, login);
      expect(error.message).toContain('the user may not subscribe to _INBOX.');
    });

    test('no publishing of events', async () => {
      await using nats = await startNats({ config: user('publish: "$JS.API.>"') });
      await using broker = await openQuietly({ url: nats.url, nats: login }, 'login');
      await broker.createTopics([]);
      await using producer = await broker.openProducer();
      const startMs = performance.now();
      const error = await failure(producer.send([outgoing('odin.trades', 'BTC', 'x')]));
      expect(performance.now() - startMs).toBeLessThan(20_000);
      expect(error.message).toBe(
        `${nats.url} forbids publishing: the user may not publish to odin.token.BTC.trade`,
      );
    });

    test('no asking for records', async () => {
      const permissions = 'publish: { allow: [">"], deny: ["$JS.API.CONSUMER.MSG.NEXT.>"] }';
      await using nats = await startNats({ config: user(permissions) });
      await using broker = await openQuietly({ url: nats.url, nats: login }, 'login');
      await broker.createTopics([]);
      const error = await failure(consumeInto(broker, new Inbox()));
      expect(error.message).toContain(
        'forbids reading stream ODIN_TOKENS: the user may not publish to $JS.API.CONSUMER.MSG.NEXT.',
      );
    });

    test('no consumers', async () => {
      const permissions =
        'publish: { allow: [">"], deny: ["$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.DURABLE.>"] }';
      await using nats = await startNats({ config: user(permissions) });
      await using broker = await openQuietly({ url: nats.url, nats: login }, 'login');
      await broker.createTopics([]);
      const error = await failure(consumeInto(broker, new Inbox()));
      expect(error.message).toContain(
        'forbids reading stream ODIN_TOKENS: the user may not publish to $JS.API.CONSUMER.',
      );
    });
  });
});

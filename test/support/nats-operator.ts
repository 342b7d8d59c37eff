/** An operator with accounts and users, as `nsc` would make them: JWTs signed with NKeys. */
import { createHash, randomBytes } from 'node:crypto';
import { nkeys } from '@nats-io/transport-node';

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** Everything that a server of this operator is configured with, and what its users log in with. */
export interface TestOperator {
  /** For the configuration of the server: two accounts, one of them without JetStream. */
  readonly config: string;
  /** Credentials of users, as files hold them. */
  readonly creds: {
    readonly user: string;
    /** Of an account without JetStream. */
    readonly poor: string;
    /** Of an account that the operator does not know. */
    readonly stranger: string;
  };
}

/** Makes a new one. */
export function makeOperator(): TestOperator {
  const operator = nkeys.createOperator();
  const system = nkeys.createAccount();
  const rich = nkeys.createAccount();
  const poor = nkeys.createAccount();
  const accounts = [
    [system, accountClaims('SYS', false)],
    [rich, accountClaims('rich', true)],
    [poor, accountClaims('poor', false)],
  ] as const;
  const preload = accounts.map(
    ([account, claims]) => `${publicKey(account)}: ${signed(operator, account, claims)}`,
  );
  const claims = { type: 'operator', version: 2, system_account: publicKey(system) };
  return {
    config: `operator: ${signed(operator, operator, { name: 'test', ...claims })}
system_account: ${publicKey(system)}
resolver: MEMORY
resolver_preload: {\n${preload.join('\n')}\n}`,
    creds: {
      user: credsOf(rich),
      poor: credsOf(poor),
      stranger: credsOf(nkeys.createAccount()),
    },
  };
}

function accountClaims(name: string, hasJetStream: boolean) {
  const storage = hasJetStream ? -1 : 0;
  const jetStream = {
    mem_storage: storage,
    disk_storage: storage,
    streams: storage,
    consumer: storage,
  };
  const core = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1, leaf: -1 };
  return {
    name,
    type: 'account',
    version: 2,
    limits: { ...core, wildcards: true, ...jetStream },
    default_permissions: { pub: {}, sub: {} },
  };
}

function credsOf(account: KeyPair): string {
  const user = nkeys.createUser();
  const limits = { subs: -1, data: -1, payload: -1 };
  const jwt = signed(account, user, {
    name: 'odin',
    type: 'user',
    version: 2,
    pub: {},
    sub: {},
    ...limits,
  });
  const seed = new TextDecoder().decode(user.getSeed());
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`;
}

interface Claims {
  readonly name: string;
  readonly [claim: string]: unknown;
}

function signed(issuer: KeyPair, subject: KeyPair, { name, ...nats }: Claims): string {
  const claims = {
    jti: createHash('sha256').update(randomBytes(16)).digest('base64url'),
    iat: Math.floor(Date.now() / 1_000),
    iss: publicKey(issuer),
    name,
    sub: publicKey(subject),
    nats,
  };
  const body = [{ typ: 'JWT', alg: 'ed25519-nkey' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${body}.${Buffer.from(issuer.sign(Buffer.from(body))).toString('base64url')}`;
}

/** The public part of a key. */
function publicKey(pair: KeyPair): string {
  return pair.getPublicKey();
}

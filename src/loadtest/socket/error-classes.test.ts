/** Tests of error-classes.ts. */
import { expect, test } from 'vitest';
import { disconnects } from '../../protocol/disconnects.ts';
import { refusals } from '../../protocol/refusals.ts';
import { classify, type ErrorClass, isCloseCode, kindOf, wordsOf } from './error-classes.ts';

function failure(code: string, syscall: string | undefined = 'read', message = code) {
  return { code, message, ...(syscall === undefined ? {} : { syscall }) };
}

test('a class is phase and cause, and faults of this machine have their own', () => {
  expect(classify('connect', failure('ECONNREFUSED'))).toBe('connect-refused');
  expect(classify('open', failure('EPIPE'))).toBe('open-reset');
  expect(classify('connect', failure('EMFILE'))).toBe('local-out-of-descriptors');
  expect(classify('connect', failure('EADDRNOTAVAIL'))).toBe('local-out-of-ports');
  expect(classify('connect', failure('EWHATEVER'))).toBe('unknown');
});

test.each<[ErrorClass, string, string, string]>([
  ['connect-refused', 'connect', 'refused', 'server'],
  ['connect-timeout', 'connect', 'timeout', 'network'],
  ['upgrade-timeout', 'upgrade', 'timeout', 'server'],
  ['open-reset', 'open', 'reset', 'network'],
  ['connect-unreachable', 'connect', 'unreachable', 'network'],
  ['upgrade-status-503', 'upgrade', 'status-503', 'policy'],
  ['upgrade-status-404', 'upgrade', 'status-404', 'generator'],
  ['upgrade-status-200', 'upgrade', 'status-200', 'generator'],
  ['upgrade-status-500', 'upgrade', 'status-500', 'server'],
  ['upgrade-bad-accept', 'upgrade', 'bad-accept', 'server'],
  ['upgrade-tls-expected', 'upgrade', 'tls-expected', 'generator'],
  ['tls-name-mismatch', 'tls', 'name-mismatch', 'generator'],
  ['tls-self-signed', 'tls', 'self-signed', 'generator'],
  ['tls-expired', 'tls', 'expired', 'server'],
  ['tls-plain-expected', 'tls', 'plain-expected', 'generator'],
  ['tls-protocol-error', 'tls', 'protocol-error', 'server'],
  ['tls-timeout', 'tls', 'timeout', 'server'],
  ['subscribe-rejected', 'subscribe', 'rejected', 'policy'],
  ['open-close-1011', 'open', 'close-1011', 'server'],
  ['open-close-4001', 'open', 'close-4001', 'generator'],
  ['open-bad-message', 'open', 'bad-message', 'server'],
  ['local-worker-died', 'local', 'worker-died', 'generator'],
  ['unknown', 'unknown', 'unknown', 'unknown'],
])('%s is %s × %s, to blame: %s', (errorClass, phase, cause, blame) => {
  expect(kindOf(errorClass)).toEqual({ phase, cause, blame });
});

test('nothing that this server sends, and nothing that a socket says, is unknown', () => {
  const phases = ['connect', 'tls', 'upgrade', 'subscribe', 'open'] as const;
  const classes: ErrorClass[] = [
    ...Object.values(refusals).map(({ status }) => `upgrade-status-${status}` as const),
    ...Object.values(disconnects).map(({ code }) => `open-close-${code}` as const),
    ...phases.flatMap((phase) => [
      classify(phase, failure('ECONNRESET')),
      classify(phase, failure('EHOSTUNREACH')),
    ]),
  ];
  expect(classes.filter((name) => kindOf(name).blame === 'unknown')).toEqual([]);
  expect(Object.values(disconnects).every(({ code }) => isCloseCode(code))).toBe(true);
  expect([0, 999, 1004, 1006, 1015, 2_000, 5_000].filter(isCloseCode)).toEqual([]);
});

test('a certificate without addresses is told with what it is for', () => {
  const reason = "IP: 127.0.0.1 is not in the cert's list: ";
  const mismatch = (cert: object, text = reason) =>
    wordsOf(Object.assign(new Error('odd'), { reason: text, cert }));
  expect(mismatch({ subjectaltname: 'DNS:a.example' })).toBe(
    "IP: 127.0.0.1 is not in the cert's list; it is for DNS:a.example",
  );
  expect(mismatch({})).toMatch(/list; it is for no name$/);
  expect(mismatch({}, `${reason}10.0.0.1`)).toBe(`${reason}10.0.0.1`);
});

test('what OpenSSL says of a certificate comes without advice for programmers', () => {
  const advice = '; if the root CA is installed locally, try running Node.js with --use-system-ca';
  expect(wordsOf(new Error(`self-signed certificate${advice}`))).toBe('self-signed certificate');
  expect(wordsOf(Object.assign(new Error('0A00:x'), { reason: 'bad record' }))).toBe('bad record');
});

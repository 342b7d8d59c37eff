/** Tests of error-classes.ts. */
import { expect, test } from 'vitest';
import { disconnects } from '../protocol/disconnects.ts';
import { refusals } from '../protocol/refusals.ts';
import { classify, type ErrorClass, isCloseCode, kindOf } from './error-classes.ts';

test('a class is phase and cause, and faults of this machine have their own', () => {
  expect(classify('connect', 'ECONNREFUSED')).toBe('connect-refused');
  expect(classify('open', 'EPIPE')).toBe('open-reset');
  expect(classify('connect', 'EMFILE')).toBe('local-out-of-descriptors');
  expect(classify('connect', 'EADDRNOTAVAIL')).toBe('local-out-of-ports');
  expect(classify('connect', 'EWHATEVER')).toBe('unknown');
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
  const phases = ['connect', 'upgrade', 'subscribe', 'open'] as const;
  const classes: ErrorClass[] = [
    ...Object.values(refusals).map(({ status }) => `upgrade-status-${status}` as const),
    ...Object.values(disconnects).map(({ code }) => `open-close-${code}` as const),
    ...phases.flatMap((phase) => [classify(phase, 'ECONNRESET'), classify(phase, 'EHOSTUNREACH')]),
  ];
  expect(classes.filter((name) => kindOf(name).blame === 'unknown')).toEqual([]);
  expect(Object.values(disconnects).every(({ code }) => isCloseCode(code))).toBe(true);
  expect([0, 999, 1004, 1006, 1015, 2_000, 5_000].filter(isCloseCode)).toEqual([]);
});

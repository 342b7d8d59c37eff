/** Tests of preflight.ts. */
import { expect, test } from 'vitest';
import { PreflightError } from '../base/errors.ts';
import { checkLimits } from './preflight.ts';

function proc(openFiles: string, range = '32768\t60999\n') {
  const files: Record<string, string> = {
    '/proc/self/limits':
      'Limit                     Soft Limit           Hard Limit           Units     \n' +
      `Max open files            ${openFiles}                 524288               files     \n`,
    '/proc/sys/net/ipv4/ip_local_port_range': range,
  };
  return async (path: string) => files[path];
}

test('a run that fits is let through', async () => {
  await checkLimits({ connections: 28_232, perWorker: 924 }, proc('1024'));
});

test('too few descriptors are refused with the command that helps', async () => {
  const error = await checkLimits({ connections: 925, perWorker: 925 }, proc('1024')).catch(
    (e) => e,
  );
  expect(error).toBeInstanceOf(PreflightError);
  expect(error.message).toBe(
    '925 connections per worker need 1 025 file descriptors, the limit is 1 024',
  );
  expect(error.hint).toContain('ulimit -n 1025');
});

test('too few local ports are refused', async () => {
  const error = await checkLimits({ connections: 28_233, perWorker: 1 }, proc('unlimited')).catch(
    (e) => e,
  );
  expect(error).toBeInstanceOf(PreflightError);
  expect(error.message).toContain('this machine has 28 232 (32768–60999)');
});

test('a system without /proc is not refused', async () => {
  await checkLimits({ connections: 1e6, perWorker: 1e6 }, async () => undefined);
});

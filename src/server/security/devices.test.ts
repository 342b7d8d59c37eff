import { expect, test } from 'vitest';
import { Devices } from './devices.ts';

test('a user has as many places as allowed, and gets them back', () => {
  const devices = new Devices({ devicesPerUser: 2 });
  expect([devices.take('ann'), devices.take('ann'), devices.take('ann')]).toEqual([
    true,
    true,
    false,
  ]);
  expect(devices.take('bob')).toBe(true);
  devices.release('ann');
  expect(devices.take('ann')).toBe(true);
  expect(devices.users).toBe(2);
});

test('a user whose last connection is gone is forgotten', () => {
  const devices = new Devices({ devicesPerUser: 0 });
  for (let n = 0; n < 100; n++) expect(devices.take('ann')).toBe(true);
  for (let n = 0; n < 100; n++) devices.release('ann');
  expect(devices.users).toBe(0);
});

test('a lower limit takes nobody away, and holds for whoever comes', () => {
  const limits = { devicesPerUser: 3 };
  const devices = new Devices(limits);
  for (let n = 0; n < 3; n++) expect(devices.take('ann')).toBe(true);
  limits.devicesPerUser = 2;
  devices.release('ann');
  expect(devices.take('ann')).toBe(false);
  devices.release('ann');
  expect(devices.take('ann')).toBe(true);
});

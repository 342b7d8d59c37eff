import { expect, test } from 'vitest';
import type { Log } from '../../host/log.ts';
import { Audit } from './audit.ts';

function startAudit() {
  const lines: Record<string, unknown>[] = [];
  const log = {
    warn: (fields: object, message: string) => lines.push({ ...fields, message }),
  } as unknown as Log;
  const counters = { auditSuppressed: new Map() };
  const clock = { nowMs: 0 };
  return { lines, counters, clock, audit: new Audit(log, counters, () => clock.nowMs) };
}

test('a burst of one kind is ten lines a second, and the rest is counted and said later', () => {
  const { lines, counters, clock, audit } = startAudit();
  for (let n = 0; n < 25; n++) audit.note('connect_refused', 'client refused', { n });
  expect(lines).toHaveLength(10);
  expect(lines[0]).toEqual({ audit: 'connect_refused', n: 0, message: 'client refused' });
  expect(counters.auditSuppressed).toEqual(new Map([['connect_refused', 15]]));
  clock.nowMs = 1_000;
  audit.note('connect_refused', 'client refused', { n: 25 });
  expect(lines.at(-1)).toMatchObject({ n: 25, suppressed: 15 });
  audit.note('connect_refused', 'client refused', { n: 26 });
  expect(lines.at(-1)).not.toHaveProperty('suppressed');
});

test('kinds do not silence each other', () => {
  const { lines, audit } = startAudit();
  for (let n = 0; n < 25; n++) audit.note('connect_refused', 'client refused', { n });
  audit.note('throttled', 'client throttled', {});
  expect(lines.at(-1)).toMatchObject({ audit: 'throttled' });
});

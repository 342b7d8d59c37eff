import { expect, test } from 'vitest';
import { nodeSubject, publisherSubject, readMetrics } from './subjects.ts';

test('a Prometheus page becomes samples by name and labels, without buckets', () => {
  const page = [
    '# HELP a_total Things',
    '# TYPE a_total counter',
    'a_total 12',
    'b{phase="hold",x="1 2"} 0.5',
    'c_bucket{le="1"} 3',
    'd NaN',
    '',
  ].join('\n');
  expect(readMetrics(page)).toEqual({ a_total: 12, 'b{phase="hold",x="1 2"}': 0.5, d: Number.NaN });
  const many = Array.from({ length: 5_000 }, (_, at) => `m${at} 1`).join('\n');
  expect(Object.keys(readMetrics(many))).toHaveLength(200);
  expect(() => readMetrics('<html>')).toThrow('is this a load test?');
});

test.each([
  ['<html>', 'the answer is not JSON'],
  ['[]', 'is this an odin server?'],
  ['null', 'is this an odin server?'],
  ['5', 'is this an odin server?'],
  ['{"schemaVersion":1}', 'is this an odin server?'],
  ['{"schemaVersion":1,"connections":{}}', 'lacks node: is this odin of another version?'],
])('%s is no status of a node', (text, complaint) => {
  const { read } = nodeSubject(new URL('http://x:1/somewhere'), undefined);
  expect(() => read(text)).toThrow(complaint);
});

test('a publisher says what it says, and nothing that is not what it should be', () => {
  const { read, url } = publisherSubject(new URL('http://x:1'));
  expect(url.href).toBe('http://x:1/status');
  const report = read('{"running":true,"published":5,"targetRate":null,"behind":"much"}');
  expect(report).toMatchObject({ running: true, published: 5, targetRate: null, behind: 0 });
  expect(() => read('{"running":"yes"}')).toThrow('is this an odin publisher?');
});

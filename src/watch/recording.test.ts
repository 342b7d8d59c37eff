import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { down, snapshotAt } from '../../test/support/fleet.ts';
import { Recorder } from './recorder.ts';
import { Recording } from './recording.ts';
import { ReplaySource } from './replay-source.ts';

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'odin-recording-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'looks.ndjson');
}

async function record(path: string, looks: number): Promise<void> {
  await using recorder = await Recorder.open(path);
  for (let second = 0; second < looks; second++) {
    await recorder.write(snapshotAt(second, [down(`http://n${second}:1`)]));
  }
}

test('what was recorded is read again, in any order; a line that was cut off is left out', async () => {
  const path = newFile();
  await record(path, 3);
  appendFileSync(path, '{"schemaVersion":1,"nodes":[');
  await using recording = await Recording.open(path);
  expect(recording.count).toBe(3);
  for (const at of [2, 0, 1]) {
    expect(await recording.read(at)).toEqual(snapshotAt(at, [down(`http://n${at}:1`)]));
  }
});

test('no recording is written over, and what is none is refused by name and line', async () => {
  const path = newFile();
  await record(path, 1);
  await expect(Recorder.open(path)).rejects.toThrow('the file is there already');
  writeFileSync(path, '');
  await expect(Recording.open(path)).rejects.toThrow('holds no snapshots');
  writeFileSync(path, '\n'.repeat(1_000_001));
  await expect(Recording.open(path)).rejects.toThrow('holds more than 1000000 looks');
  writeFileSync(path, 'hello\n');
  await expect(Recording.open(path)).rejects.toThrow(`${path}:1 is no snapshot`);
  for (const nodes of ['[null]', '[{"url":"http://a","report":{"schemaVersion":1}}]']) {
    writeFileSync(path, `{"schemaVersion":1,"time_ms":1,"nodes":${nodes}}\n`);
    await expect(Recording.open(path)).rejects.toThrow(`${path}:1 is no snapshot`);
  }
  await expect(Recording.open(`${path}.gone`)).rejects.toThrow('cannot read');
  await expect(Recording.open(dirname(path))).rejects.toThrow('cannot read');
  // As of a pipe, of which an end may never come.
  await expect(Recording.open('/dev/zero')).rejects.toThrow('/dev/zero is no file');
});

test('a recording is played, held and gone through; its ends are ends', async () => {
  const path = newFile();
  await record(path, 30);
  await using recording = await Recording.open(path);
  using source = new ReplaySource(recording, (error) => expect.unreachable(String(error)));
  const places: string[] = [];
  const waiting: (() => void)[] = [];
  source.subscribe(() => {
    const { replay, figures } = source.shown();
    places.push(`${replay!.at} ${figures!.nodes[0]!.url} ${replay!.isPlaying}`);
    for (const resolve of waiting.splice(0)) resolve();
  });
  const next = () => new Promise<void>((resolve) => waiting.push(resolve));
  const seek = async (looks: number) => {
    const shown = next();
    await source.act({ kind: 'seek', looks });
    await shown;
  };
  const first = next();
  source.start();
  await first;
  for (const looks of [10, -3, -60, Infinity, 1]) await seek(looks);
  expect(places).toEqual([
    '1 http://n0:1 true',
    '11 http://n10:1 false',
    '8 http://n7:1 false',
    '1 http://n0:1 false',
    '30 http://n29:1 false',
    '30 http://n29:1 false',
  ]);
  // At the end, playing begins again.
  const again = next();
  await source.act({ kind: 'play' });
  await again;
  expect(places.at(-1)).toBe('1 http://n0:1 true');
});

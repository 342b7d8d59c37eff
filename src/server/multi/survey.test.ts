import { expect, test, vi } from 'vitest';
import { Survey } from './survey.ts';

function setUp(shards = [0, 1]) {
  const asked: number[] = [];
  const survey = new Survey<string, string>((id) => {
    asked.push(id);
    return new Set(shards);
  });
  return { survey, asked };
}

test('a question is answered when every shard has, or is gone; questions do not mix', async () => {
  const { survey, asked } = setUp();
  const [first, second] = [survey.ask('a'), survey.ask('b')];
  survey.heard(0, asked[0]!, 'a0');
  survey.heard(0, asked[0]!, 'a0 again');
  survey.heard(1, asked[1]!, 'b1');
  survey.heard(1, asked[0]!, 'a1');
  survey.gone(0);
  expect(await first).toEqual(['a0', 'a1']);
  expect(await second).toEqual(['b1']);
  survey.heard(0, asked[1]!, 'too late');
  expect(await setUp([]).survey.ask('nobody')).toEqual([]);
});

test('one that stays silent is not waited for', async () => {
  vi.useFakeTimers();
  try {
    const { survey, asked } = setUp();
    const answers = survey.ask('a');
    survey.heard(1, asked[0]!, 'a1');
    await vi.advanceTimersByTimeAsync(500);
    expect(await answers).toEqual(['a1']);
  } finally {
    vi.useRealTimers();
  }
});

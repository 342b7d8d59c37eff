import { expect, test, vi } from 'vitest';
import { Survey } from './survey.ts';

function setUp(shards = [0, 1], silent: readonly number[] = []) {
  const asked: number[] = [];
  const survey = new Survey<string, string>((id) => {
    asked.push(id);
    return { asked: new Set(shards), silent };
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
  expect(await first).toEqual({ answers: ['a0', 'a1'], silent: [] });
  expect(await second).toEqual({ answers: ['b1'], silent: [] });
  survey.heard(0, asked[1]!, 'too late');
  expect(await setUp([]).survey.ask('nobody')).toEqual({ answers: [], silent: [] });
});

test('one that stays silent is not waited for, and named, as one that was not even asked', async () => {
  vi.useFakeTimers();
  try {
    const { survey, asked } = setUp([0, 1], [2]);
    const answers = survey.ask('a');
    survey.heard(1, asked[0]!, 'a1');
    await vi.advanceTimersByTimeAsync(500);
    expect(await answers).toEqual({ answers: ['a1'], silent: [2, 0] });
  } finally {
    vi.useRealTimers();
  }
});

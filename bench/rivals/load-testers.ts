/**
 * `npm run bench:load-testers`: `odin loadtest` beside other load testers for WebSocket: what they say
 * about known faults, and what they cost; writes its parts of bench/RESULTS.md.
 */
import { writeSection } from '../results.ts';
import { compareCost, rounds, wholeRounds, windowSeconds } from './load-testers/cost.ts';
import { compareTruth } from './load-testers/truth.ts';
import { hasTsung } from './load-testers/tsung.ts';

const sections = {
  truth: async () =>
    writeSection({
      title: 'What load testers say about known faults',
      about: [
        'Written by `npm run bench:load-testers`. Each fault is injected into a run of its own, by the server',
        'that the tests of odin’s load tester are calibrated with: 20 clients, 200 events in 2 s or so. Cells are',
        'what the tool reported, in its own words, and whether that says what was wrong: it names it, with the',
        'status or code where there is one (half: only that something failed); of latency, p50 and p99 within 2 %;',
        'of Ctrl-C, a report of the whole run. Artillery has its `ensure` plugin, a limit for handshakes, and a',
        'hook of a dozen lines that counts and times what is pushed; without that it has no figure of it at all. Who',
        'knows how many events were due sees by such counts that some lack, or are too many.',
      ],
      columns: ['odin', 'Artillery 2.0.34 with a hook', 'Tsung 1.7.0'],
      rows: await compareTruth(),
      isWhole: hasTsung(),
    }),
  cost: async () =>
    writeSection({
      title: 'What load testers cost',
      about: [
        'Written by `npm run bench:load-testers`: the same 4 200 clients of odin’s server, 5 msg/s × 300 B to each.',
        `Medians of ${rounds} rounds of ${windowSeconds} s (of an even number, the upper one), with the range of the ratios; other`,
        'work on the machine moves CPU by a lot, as clients then read several messages at a time. odin (one worker) and Artillery are',
        'of Node, Tsung of Erlang. Artillery without a hook drops what it receives unread; with it, it parses each',
        'event, counts it and notes its latency. Tsung counts bytes. odin checks each event’s order and latency.',
      ],
      columns: ['odin', 'rival', 'ratio'],
      rows: await compareCost(),
      isWhole: hasTsung() && rounds >= wholeRounds,
    }),
};
const chosen = process.argv.slice(2);
for (const [name, write] of Object.entries(sections)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  console.log(name);
  await write();
}

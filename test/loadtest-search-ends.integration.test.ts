/** Tests of the limit search where a server is gone or a publisher silent, which is no limit. */
import { describe, expect, test } from 'vitest';
import { deadEndOf } from '../src/loadtest/results/dead-end.ts';
import { FaultServer } from './support/fault-server.ts';
import { run } from './support/run-loadtest.ts';
import { publishing, quickSearch as quick } from './support/search-run.ts';

describe.concurrent('a limit search', () => {
  test.each([
    ['is gone', '1s', /connect-refused: /],
    ['stands still', '1s', /upgrade-timeout: /],
  ])('a server that %s ends it, and is no limit', async (how, connectTimeoutMs, why) => {
    const faults = { stall: false };
    await using server = await FaultServer.start(faults);
    using events = publishing(server);
    const settings = { ...quick, connections: '10', slo: 'lost == 0', connectTimeoutMs };
    const { url } = server;
    const report = await run(url, settings, {
      onTrial: async ({ level, verdict }) => {
        if (level < 20 || verdict !== 'pass') return;
        events[Symbol.dispose]();
        if (how === 'is gone') await server[Symbol.asyncDispose]();
        else faults.stall = true;
      },
    });
    expect(report.search).toMatchObject({ ending: 'server', holds: 20 });
    expect(report.search?.trials.length).toBeLessThan(6);
    expect(report.search?.answer).toMatch(/^at least 20 clients \(the server lets nobody in\): /);
    expect(report.search?.answer).toMatch(why);
    expect(report.verdict).toBe('inconclusive');
    await expect(deadEndOf(report)).resolves.toMatchObject({
      message: `lost the server at ${url}: ${report.search?.answer}`,
    });
  });

  test('a server that breaks above its limit is broken once per level', async () => {
    let isDown = false;
    let breaks = 0;
    let askedAt = 0;
    await using server = await FaultServer.start({
      refuse: () => {
        askedAt = Date.now();
        return isDown ? '502 Bad Gateway' : undefined;
      },
    });
    // Started again by somebody soon after the last client that came for the level.
    const when = () => {
      if (isDown) isDown = server.sockets > 0 || Date.now() - askedAt < 150;
      else if (server.clients > 30) {
        isDown = true;
        breaks++;
        server.resetAll();
      }
      return !isDown;
    };
    using _events = publishing(server, { when });
    const settings = { ...quick, connections: '10', slo: 'lost == 0', searchResolution: '10' };
    const atOnce = { rampRate: '100000', reconnectAttempts: '0' };
    const { search } = await run(server.url, { ...settings, ...atOnce });
    expect(search).toMatchObject({ ending: 'found', holds: 30, breaks: 33, isConfirmed: true });
    const failed = search?.trials.filter(({ verdict }) => verdict === 'fail');
    expect(failed?.map(({ level }) => level)).toEqual([40, 33]);
    expect(breaks).toBe(2);
  });

  test('a publisher that pauses for one trial makes no limit', async () => {
    await using server = await FaultServer.start();
    let isPaused = false;
    let isFull = false;
    // Until the clients of the second trial go.
    const when = () => {
      isFull ||= server.clients === 20;
      if (isFull && server.clients < 20) isPaused = false;
      return !isPaused;
    };
    using _events = publishing(server, { when });
    const settings = { ...quick, connections: '10', searchMax: '20', slo: 'lost == 0' };
    const { search, verdict } = await run(server.url, settings, {
      onTrial: ({ level }) => {
        isPaused ||= level === 10;
      },
    });
    expect(verdict).toBe('pass');
    expect(search).toMatchObject({ ending: 'max', holds: 20, breaks: null });
    expect(search?.trials[1]).toMatchObject({ level: 20, verdict: 'inconclusive' });
    expect(search?.trials[2]).toMatchObject({ level: 20, purpose: 'repeat', verdict: 'pass' });
  });

  test.each([
    ['are none', 0, '', /^no level is known to hold, no event comes: is a publisher running/],
    ['end', 20, '', /^at least 20 clients \(no event comes\): is a publisher running/],
    ['end, and are wanted', 20, ' & rate > 10/s', /^at least 20 clients \(no event comes\): is/],
  ])('without lower levels it ends when events %s', async (_, last, more, answer) => {
    await using server = await FaultServer.start();
    using events = publishing(server);
    if (last === 0) events[Symbol.dispose]();
    const settings = { ...quick, connections: '10', slo: `lost == 0${more}` };
    const { search, verdict } = await run(server.url, settings, {
      onTrial: (trial) => {
        if (trial.level === last && trial.verdict === 'pass') events[Symbol.dispose]();
      },
    });
    expect(search?.answer).toMatch(answer);
    expect(search?.trials.at(-1)).toMatchObject({ level: last === 0 ? 10 : 40, verdict: 'fail' });
    expect(verdict).toBe('inconclusive');
  });

  test('without any server it ends at once, as a run does', async () => {
    const server = await FaultServer.start();
    const { url } = server;
    await server[Symbol.asyncDispose]();
    const report = await run(url, { ...quick, slo: 'lost == 0', searchTrialMs: '60s' });
    expect(report.search?.trials).toMatchObject([{ level: 20, verdict: 'fail' }]);
    expect(report.search?.trials[0]?.durationMs).toBeLessThan(10_000);
    await expect(deadEndOf(report)).resolves.toMatchObject({
      message: expect.stringMatching(/^cannot connect to .*: connect-refused/),
    });
  });
});

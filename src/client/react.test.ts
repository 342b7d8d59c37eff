// @vitest-environment happy-dom
import { act, createElement, type ReactNode, StrictMode } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eventAt, fakeWebSockets } from '../../test/support/fake-web-socket.ts';
import { OdinClient } from './index.ts';
import { OdinProvider, useChannel, useOdin, useToken } from './react.ts';

/** The part of the page that the tests look at. */
interface Element {
  innerHTML: string;
  textContent: string;
}

const scope = globalThis as unknown as {
  IS_REACT_ACT_ENVIRONMENT: boolean;
  document: { createElement(name: string): Element };
  requestAnimationFrame: unknown;
};

/** Frames that were asked for. */
let frames: (() => void)[] = [];

beforeEach(() => {
  scope.IS_REACT_ACT_ENVIRONMENT = true;
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (frame: () => void) => frames.push(frame));
});

afterEach(async () => {
  await draw();
  vi.unstubAllGlobals();
});

/** Draws a frame. */
async function draw(): Promise<void> {
  await act(async () => {
    for (const frame of frames.splice(0)) frame();
  });
}

function world() {
  const net = fakeWebSockets();
  const options = { url: 'ws://odin.test/ws', WebSocket: net.WebSocket };
  return { net, options };
}

/** A page with a provider around its content, in strict mode. */
async function show(options: ReturnType<typeof world>['options'], content: ReactNode) {
  const element = scope.document.createElement('div');
  const root = createRoot(element as never);
  const tree = createElement(StrictMode, null, createElement(OdinProvider, { options }, content));
  await act(async () => root.render(tree));
  return {
    element,
    async [Symbol.asyncDispose]() {
      await act(async () => root.unmount());
    },
  };
}

let renderings = 0;

function Trades({ channel = 'BTC.trade' }) {
  renderings++;
  const { events, isReady, gaps } = useChannel(channel, { limit: 3 });
  return `${isReady} ${gaps} ${events.map(({ offset }) => offset).join()}`;
}

function Price({ symbol = 'BTC' }) {
  const { price, trades, latest } = useToken(symbol, { trades: 2 });
  return `${symbol} ${price} ${trades.length} ${Object.keys(latest).join()}`;
}

function State() {
  const { state, throttle } = useOdin();
  return `${state} ${throttle.level}`;
}

test('events are shown once per frame, the newest of them', async () => {
  const { net, options } = world();
  await using page = await show(options, createElement(Trades));
  await act(async () => net.last.accept());
  expect(net.sockets).toHaveLength(1);
  expect(net.last.said).toHaveLength(1);
  expect(net.last.said[0]).toMatchObject({ data: { channels: ['BTC.trade'], snapshot: true } });
  await act(async () => net.last.acknowledge());
  await draw();
  expect(page.element.textContent).toBe('true 0 ');
  const before = renderings;
  for (let n = 1; n <= 100; n++) net.last.tell(eventAt('BTC.trade', n, n === 1 ? null : n - 1));
  expect([frames.length, page.element.textContent]).toEqual([1, 'true 0 ']);
  await draw();
  expect(page.element.textContent).toBe('true 0 98,99,100');
  // Strict mode renders twice.
  expect(renderings - before).toBe(2);
});

test('a gap is counted where its channel is shown, and nowhere else', async () => {
  const { net, options } = world();
  const content = [
    createElement(Trades, { key: 1 }),
    createElement(Trades, { key: 2, channel: 'ETH.trade' }),
  ];
  await using page = await show(options, content);
  await act(async () => net.last.accept());
  net.last.acknowledge();
  net.last.tell(eventAt('BTC.trade', 1, null), eventAt('BTC.trade', 9, 8));
  await act(async () => undefined);
  net.last.acknowledge();
  await draw();
  expect(page.element.textContent).toBe('true 1 1true 0 ');
});

test('a token has its price by the newest trade or price update', async () => {
  const { net, options } = world();
  await using page = await show(options, createElement(Price));
  await act(async () => net.last.accept());
  await act(async () => net.last.acknowledge());
  net.last.tell(
    eventAt('BTC.trade', 1, null, { ts: 10, data: { price: 5 } as never }),
    eventAt('BTC.analytics', 1, null, {
      ...{ ts: 20, type: 'PRICE_DELTA_UPDATED' as never },
      data: { price: 7 } as never,
    }),
    eventAt('BTC.trade', 2, 1, { ts: 15, data: { price: 6 } as never }),
  );
  await draw();
  expect(page.element.textContent).toBe('BTC 7 2 TRADE_EXECUTED,PRICE_DELTA_UPDATED');
});

test('the state of the connection is shown as it changes', async () => {
  const { net, options } = world();
  const page = await show(options, createElement(State));
  expect(page.element.textContent).toBe('connecting 0');
  await act(async () => net.last.accept());
  expect(page.element.textContent).toBe('open 0');
  const notice = { type: 'throttle_update', level: 2, rate_percent: 50, message: '' };
  await act(async () => net.last.tell(notice));
  expect(page.element.textContent).toBe('open 2');
  await page[Symbol.asyncDispose]();
  await expect.poll(() => net.last.closedWith).toBe(1000);
});

test('a client of the application is used, and left open', async () => {
  const { net, options } = world();
  const client = new OdinClient(options);
  const root = createRoot(scope.document.createElement('div') as never);
  await act(async () =>
    root.render(createElement(OdinProvider, { client }, createElement(Trades))),
  );
  await act(async () => net.last.accept());
  await act(async () => root.unmount());
  await new Promise((resolve) => setTimeout(resolve));
  expect(client.state).toBe('open');
  expect(net.last.said.map(({ type }) => type)).toEqual(['subscribe', 'unsubscribe']);
  client.close();
});

test('on a server it renders what is known of nothing, without connecting', async () => {
  const { net, options } = world();
  const tree = createElement(OdinProvider, { options }, createElement(Price));
  const html = renderToString(tree);
  expect([html, net.sockets.length]).toEqual(['BTC undefined 0 ', 0]);
  const element = scope.document.createElement('div');
  element.innerHTML = html;
  const mistakes: unknown[] = [];
  const onRecoverableError = (error: unknown) => mistakes.push(error);
  const root = await act(async () => hydrateRoot(element as never, tree, { onRecoverableError }));
  expect([mistakes, net.sockets.length]).toEqual([[], 1]);
  await act(async () => root.unmount());
});

test('a hook without a provider says what is missing', () => {
  expect(() => renderToString(createElement(State))).toThrow('no <OdinProvider> above');
});

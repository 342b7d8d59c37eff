/** The board of tokens: the page at `/`. */
import type { ConnectionState, StateChange, SubscriptionOutcome } from '../client/index.ts';
import { type Lateness, LiveConnection } from './board/live-connection.ts';
import { TokenBook } from './board/token-book.ts';
import { TokenGate } from './board/token-gate.ts';
import { TokenGrid } from './board/token-grid.ts';
import { byId, say } from './dom.ts';
import { Figures } from './figures.ts';
import { Notices } from './notices.ts';
import { age, clock, count, short, time } from './numbers.ts';

/** Nobody reads faster; a page in the background is updated as often as its browser lets it. */
const updateMs = 200;
const secondMs = 1_000;
/** A latency without an event for longer is told with its age. */
const freshMs = 3_000;

const words: Readonly<Record<ConnectionState, string>> = {
  idle: 'Starting',
  connecting: 'Connecting',
  open: 'Live',
  waiting: 'Reconnecting',
  offline: 'Offline',
  closed: 'Closed',
};

const board = byId('board');
const stateLine = byId('state');
const notices = new Notices();
const figures = new Figures();
const book = new TokenBook();
const grid = new TokenGrid(book);
const needsToken = document.documentElement.dataset['access'] === 'token';
const gate = new TokenGate(board, () => {
  // Whoever was connected before goes on where it was, with its next attempt.
  if (!hasOpened) connect();
});
let connection: LiveConnection | undefined;
let hasOpened = false;
let failures = 0;
let retryAtMs = 0;
let eventsBefore = 0;
/** Since when nothing came from the server, in milliseconds since 1970; 0 while something does. */
let silentSince = 0;

/** Nothing is lost by it: what was there before never got through. */
function connect(): void {
  connection?.close();
  [hasOpened, failures, eventsBefore, silentSince] = [false, 0, 0, 0];
  connection = new LiveConnection(
    {
      event: (event) => book.take(event),
      ...{ changed, throttled },
      answered: (rejected) => {
        notices.show('rejected', rejectionText(rejected), true);
        board.dataset['ready'] = '';
      },
    },
    wantedTokens(),
    needsToken ? gate.tokenFor : undefined,
  );
}

/** Why some channels are not shown, and what to do about it. */
function rejectionText(rejected: SubscriptionOutcome['rejected']): string {
  const [first] = rejected;
  if (first === undefined) return '';
  const names = rejected.map(({ channel }) => channel).join(', ');
  if (first.code === 'CHANNEL_NOT_ALLOWED')
    return `Your token does not allow ${names}. Name tokens that it allows: ?tokens=BTC,ETH`;
  if (first.code === 'SUBSCRIPTION_LIMIT')
    return `The server takes no more channels: not ${names}.`;
  return `The server does not know ${names}.`;
}

/** `?tokens=BTC,ETH`; none is all. */
function wantedTokens(): string[] {
  const text = new URLSearchParams(location.search).get('tokens') ?? '';
  return text.split(',').filter((symbol) => symbol !== '');
}

function changed({ state, code, reason, retryMs = 0 }: StateChange): void {
  board.dataset['state'] = state;
  retryAtMs = performance.now() + retryMs;
  silentSince = 0;
  if (state === 'open') {
    [hasOpened, failures] = [true, 0];
    gate.hide();
    notices.show('connection', '');
  }
  if (state === 'waiting') failures++;
  if (state === 'closed') {
    const text = `The server closed this connection for good: ${reason || code}.`;
    notices.show('connection', `${text} Reload the page to try again.`, true);
  }
  showConnection(state);
}

function showConnection(state: ConnectionState): void {
  if (state === 'offline') {
    notices.show('connection', 'No network. The board goes on by itself when it is back.');
  } else if (state === 'waiting' && !hasOpened && failures >= 2) {
    // Once: whoever has begun to type another one is not to be disturbed.
    if (needsToken && failures === 2)
      gate.ask('The server does not take this token, or is not there.');
    const origin = `It may be away or full, or not let pages of ${location.origin} in (WS_ALLOWED_ORIGINS).`;
    notices.show('connection', `The server takes no connection. ${origin}`, true);
  } else if (state === 'waiting' && hasOpened) {
    notices.show('connection', 'Connection lost. What happens meanwhile comes when it is back.');
    if (needsToken && failures === 3) gate.ask('The token may have expired meanwhile.');
  }
}

function throttled(level: number, ratePercent: number): void {
  board.dataset['throttle'] = String(level);
  const text = `This connection is slow: while it lags, the server sends about ${ratePercent} % of the events. Trades are never left out.`;
  notices.show('throttle', level === 0 ? '' : text);
}

/** Below a millisecond, it is the clocks that are seen. */
function latencyText({ ms, agoMs }: Lateness): string {
  const text = ms < 1 ? '< 1 ms' : time(ms);
  return agoMs < freshMs ? text : `${text}, ${age(agoMs)} ago`;
}

/** A server that stands still closes nothing: what is shown would pass for live. */
function showSilence(silentMs: number): void {
  if (silentMs > 0) silentSince ||= Date.now() - silentMs;
  else if (silentSince > 0) {
    silentSince = 0;
    notices.show('connection', '');
  }
  if (silentSince === 0) return;
  const text = `The server has said nothing since ${clock(silentSince)}: what is shown is of then.`;
  notices.show('connection', `${text} The board goes on by itself when it is back.`);
}

/** What is counted and measured, once a second. */
function showFigures(): void {
  if (connection === undefined) return;
  const { events, gaps, connections } = connection.stats;
  const isOpen = board.dataset['state'] === 'open';
  if (isOpen) showSilence(connection.silentMs());
  const { lateness } = connection;
  figures.show('Tokens', count(book.tokens.size));
  figures.show('Events / s', isOpen ? short(events - eventsBefore) : '–');
  figures.show('Latency', isOpen && lateness ? latencyText(lateness) : '–', silentSince > 0);
  figures.show('Trades seen', count(book.trades));
  figures.show('Gaps', count(gaps), gaps > 0);
  figures.show('Reconnects', count(Math.max(0, connections - 1)));
  eventsBefore = events;
  notices.show(
    'gaps',
    gaps === 0 ? '' : 'Some events are lost: the server no longer had all that was missed.',
    true,
  );
  const many = `${count(book.tokens.size)} tokens are shown; ${count(book.forgotten)} that were quiet longest are not.`;
  notices.show('forgotten', book.forgotten === 0 ? '' : many);
  if (board.dataset['state'] === 'waiting') {
    const leftMs = Math.max(0, retryAtMs - performance.now());
    stateLine.title = `next attempt in ${time(leftMs)}`;
  } else stateLine.title = '';
}

function update(): void {
  grid.update();
  const state = board.dataset['state'] as ConnectionState;
  const isSilent = silentSince > 0;
  stateLine.dataset['state'] = isSilent ? 'waiting' : state;
  say(stateLine, gate.isAsking ? 'Waiting for a token' : isSilent ? 'No answer' : words[state]);
  board.dataset['stale'] = String(hasOpened && (isSilent || state !== 'open'));
  board.dataset['trades'] = String(book.trades);
  board.dataset['gaps'] = String(connection?.stats.gaps ?? 0);
  board.dataset['connections'] = String(connection?.stats.connections ?? 0);
}

setInterval(update, updateMs);
setInterval(showFigures, secondMs);
// The keys that many boards have: `/` to filter, Escape to see everything again.
document.addEventListener('keydown', (event) => {
  const filter = byId<HTMLInputElement>('filter');
  if (event.key === '/' && !(event.target instanceof HTMLInputElement)) {
    event.preventDefault();
    filter.focus();
  } else if (event.key === 'Escape' && event.target === filter) {
    filter.value = '';
    filter.dispatchEvent(new Event('input'));
  }
});
if (needsToken) gate.ask('');
else connect();
update();
showFigures();

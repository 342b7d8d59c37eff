/** A board of tokens: prices that move, the last trades, and how the connection is. */
import { OdinProvider, useChannel, useOdin, useToken } from 'odin/react';

/** The whole page. */
export function Board({ url, tokens }: { url: string; tokens: readonly string[] }) {
  return (
    <OdinProvider options={{ url }}>
      <Connection />
      {tokens.map((symbol) => (
        <Token key={symbol} symbol={symbol} />
      ))}
      <News />
    </OdinProvider>
  );
}

function Connection() {
  const { state, throttle } = useOdin();
  return (
    <p role="status">
      {state}
      {throttle.level > 0 && `, ${throttle.ratePercent} % of the events`}
    </p>
  );
}

function Token({ symbol }: { symbol: string }) {
  const { price, trades, latest, gaps } = useToken(symbol, { trades: 5 });
  return (
    <section aria-label={symbol}>
      <h2>
        {symbol} {price?.toFixed(2) ?? '–'}
      </h2>
      <p>{latest.HOLDER_COUNT_UPDATED?.data.holderCount ?? 'unknown'} holders</p>
      <ol>
        {trades.map(({ offset, data }) => (
          <li key={offset}>
            {data.amount} at {data.price}
          </li>
        ))}
      </ol>
      {gaps > 0 && <p>Some events are missing.</p>}
    </section>
  );
}

function News() {
  const { events } = useChannel('*.creation', { limit: 3 });
  return <p>{events.map(({ channel }) => channel).join(' ')}</p>;
}

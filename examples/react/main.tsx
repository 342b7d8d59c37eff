/** Starts the board: `npx vite examples/react`, with `odin serve` and `odin publish` running. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Board } from './board.tsx';

const query = new URLSearchParams(location.search);
const root = document.getElementById('root') as HTMLElement;

createRoot(root).render(
  <StrictMode>
    <Board
      url={query.get('url') ?? 'ws://127.0.0.1:3004/ws'}
      tokens={query.get('tokens')?.split(',') ?? ['BTC', 'ETH', 'SOL']}
    />
  </StrictMode>,
);

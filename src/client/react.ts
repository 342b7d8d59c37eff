/** `odin/react`: a provider and hooks over the SDK. */
import {
  createContext,
  createElement,
  type FunctionComponentElement,
  type ProviderProps,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from 'react';
import type { ChannelRequest } from './channel-request.ts';
import type { OdinClientOptions } from './client-options.ts';
import type { ConnectionState } from './connection-state.ts';
import { type LiveStatus, LiveStore } from './live-store.ts';
import type { MarketEvent, ThrottleNotice } from './market-event.ts';
import { OdinClient } from './odin-client.ts';
import { foldToken, newest, type TokenState, unknownToken } from './token-state.ts';

export type { LiveStatus } from './live-store.ts';
export type { TokenState, TradeEvent } from './token-state.ts';

const Context = createContext<OdinClient | undefined>(undefined);

/** Who has the connection: the application by `client`, or the provider, made from `options`. */
export type OdinProviderProps = { readonly children?: ReactNode } & (
  | {
      /** Is connected when the provider is shown, and never closed by it. */
      readonly client: OdinClient;
    }
  | {
      /** Looked at once, when the provider is shown first; its client is closed with it. */
      readonly options: OdinClientOptions;
    }
);

/** Clients whose provider is gone: they are closed unless it comes back at once. */
const leaving = new WeakMap<OdinClient, ReturnType<typeof setTimeout>>();

/** Gives a client to the hooks below it. */
export function OdinProvider(
  props: OdinProviderProps,
): FunctionComponentElement<ProviderProps<OdinClient | undefined>> {
  const [options] = useState('options' in props ? props.options : undefined);
  const [owned, setOwned] = useState(() => options && new OdinClient(options));
  const client = 'client' in props ? props.client : owned;
  useEffect(() => {
    if (client === undefined) return;
    // In strict mode effects end and begin again at once.
    clearTimeout(leaving.get(client));
    if (client.state !== 'closed') void client.connect();
    // Shown again after it was hidden, which closed it: what is closed stays closed.
    else if (options && leaving.has(client)) setOwned(new OdinClient(options));
    return () => {
      if (client === owned)
        leaving.set(
          client,
          setTimeout(() => client.close()),
        );
    };
  }, [client, owned, options]);
  return createElement(Context.Provider, { value: client }, props.children);
}

/** The connection, as a page shows it. */
export interface OdinStatus {
  readonly client: OdinClient;
  readonly state: ConnectionState;
  readonly throttle: ThrottleNotice;
}

/** The client of the provider above, and how it is. Throws when there is no provider. */
export function useOdin(): OdinStatus {
  const client = useClient();
  const store = useMemo(() => statusStore(client), [client]);
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getServerSnapshot);
}

/** What {@link useChannel} may be told. */
export interface UseChannelOptions {
  /** Events that are kept; 100 by default. */
  readonly limit?: number;
  /** Whether to start with the newest event of each channel; true by default. */
  readonly snapshot?: boolean;
}

/** Events of channels. */
export interface ChannelState {
  /** The newest ones, oldest first. */
  readonly events: readonly MarketEvent[];
}

/** The newest events of a channel, a wildcard, several of them, or a bundle. */
export function useChannel(
  request: ChannelRequest,
  { limit = 100, snapshot = true }: UseChannelOptions = {},
): ChannelState & LiveStatus {
  const client = useClient();
  // Requests are often written in place, so that each rendering makes an equal one.
  const key = JSON.stringify(request);
  const store = useMemo(
    () =>
      new LiveStore<ChannelState>(client, {
        request: JSON.parse(key) as ChannelRequest,
        snapshot,
        initial: { events: [] },
        fold: ({ events }, more) => ({ events: newest([...events, ...more], limit) }),
      }),
    [client, key, limit, snapshot],
  );
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getServerSnapshot);
}

/** What {@link useToken} may be told. */
export interface UseTokenOptions {
  /** Trades that are kept; 50 by default. */
  readonly trades?: number;
}

/** One token: price, trades and the newest event of each type. */
export function useToken(
  symbol: string,
  { trades = 50 }: UseTokenOptions = {},
): TokenState & LiveStatus {
  const client = useClient();
  const store = useMemo(
    () =>
      new LiveStore<TokenState>(client, {
        request: `${symbol}.*`,
        snapshot: true,
        initial: unknownToken(symbol),
        fold: (state, events) => foldToken(state, events, trades),
      }),
    [client, symbol, trades],
  );
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getServerSnapshot);
}

function useClient(): OdinClient {
  const client = useContext(Context);
  if (client === undefined) throw new Error('no <OdinProvider> above this component');
  return client;
}

/** The status of a client for `useSyncExternalStore`. */
function statusStore(client: OdinClient) {
  const read = (): OdinStatus => ({ client, state: client.state, throttle: client.throttle });
  const initial = read();
  let status = initial;
  return {
    getSnapshot: () => status,
    getServerSnapshot: () => initial,
    subscribe(listener: () => void): () => void {
      const changed = () => {
        status = read();
        listener();
      };
      // Something may have happened between the rendering and this.
      if (status.state !== client.state) changed();
      const offs = [client.on('state', changed), client.on('throttle', changed)];
      return () => {
        for (const off of offs) off();
      };
    },
  };
}

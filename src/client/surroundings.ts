/** Surroundings: what a browser tells about network and attention; elsewhere always online. */
import { addressOf } from './client-options.ts';

interface Target {
  addEventListener?(name: string, listener: () => void, options: { signal: AbortSignal }): void;
}

interface Scope extends Target {
  readonly navigator?: { readonly onLine?: boolean };
  readonly document?: Target & { readonly visibilityState?: string };
}

const scope = globalThis as unknown as Scope;

/** Whether there is a network, as far as anybody knows. */
export function isOnline(): boolean {
  return scope.navigator?.onLine !== false;
}

/** Whether a server is on this machine, which takes no network. */
export function isLocal(url: string): boolean {
  return /^wss?:..(localhost|127[.\d]+|\[::1])[:/]/.test(addressOf(url));
}

/** Calls back at each change of network or attention until `signal` is aborted. */
export function watchSurroundings(signal: AbortSignal, changed: () => void): void {
  const { document } = scope;
  const looked = () => {
    if (document?.visibilityState === 'visible') changed();
  };
  scope.addEventListener?.('online', changed, { signal });
  scope.addEventListener?.('offline', changed, { signal });
  document?.addEventListener?.('visibilitychange', looked, { signal });
}

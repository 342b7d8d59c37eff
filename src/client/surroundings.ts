/** Surroundings: what a browser tells about network and attention; elsewhere always online. */

/** What may change around a client. */
export type Change = 'online' | 'offline' | 'visible';

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

/** Calls back at each change until `signal` is aborted. */
export function watchSurroundings(signal: AbortSignal, changed: (change: Change) => void): void {
  const { document } = scope;
  scope.addEventListener?.('online', () => changed('online'), { signal });
  scope.addEventListener?.('offline', () => changed('offline'), { signal });
  const looked = () => {
    if (document?.visibilityState === 'visible') changed('visible');
  };
  document?.addEventListener?.('visibilitychange', looked, { signal });
}

/** JobControl: stopping for a while and going on, as a shell's Ctrl-Z and `fg` do. */

/** Of this process, which is a job of a shell. */
export interface JobControl {
  /** Calls back when it is asked to stop (SIGTSTP); while anybody listens it does not by itself. */
  readonly onStop: (callback: () => void) => Disposable;
  /** Stops this process and those of its job; resolves when it goes on. */
  readonly stop: () => Promise<void>;
}

/** A stop that has no effect, where no shell would ever continue us, is over after this time. */
const stopGraceMs = 200;

/** That of the real process. */
export function processJobControl(): JobControl {
  const listeners = new Set<() => void>();
  return {
    onStop(callback) {
      listeners.add(callback);
      process.on('SIGTSTP', callback);
      return {
        [Symbol.dispose]() {
          listeners.delete(callback);
          process.off('SIGTSTP', callback);
        },
      };
    },
    async stop() {
      for (const listener of listeners) process.off('SIGTSTP', listener);
      const { promise, resolve } = Promise.withResolvers<void>();
      process.once('SIGCONT', resolve);
      // The whole job: a Node that started this one stops with it, which is what the shell waits for.
      process.kill(0, 'SIGTSTP');
      const timer = setTimeout(resolve, stopGraceMs);
      await promise;
      clearTimeout(timer);
      process.off('SIGCONT', resolve);
      for (const listener of listeners) process.on('SIGTSTP', listener);
    },
  };
}

/** The mode that React runs in, which it reads from the environment when it is loaded. */

/**
 * Has React loaded as for production, unless somebody chose otherwise: for development it notes each
 * render in a buffer of Node that only grows. Call it before the first import of what draws.
 */
export function chooseProductionReact(): void {
  process.env['NODE_ENV'] ??= 'production';
}

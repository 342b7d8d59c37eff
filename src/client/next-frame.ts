/** Next frame: updates of a page gathered, so that all of them are drawn at once. */

/** A page that is not looked at draws no frames, and is updated this often, in milliseconds. */
const hiddenMs = 250;
/** Where there are no frames. */
const frameMs = 16;

interface Scope {
  requestAnimationFrame?(callback: () => void): unknown;
  readonly document?: { readonly visibilityState?: string };
}

const scope = globalThis as unknown as Scope;
const updates = new Set<() => void>();
let isAskedFor = false;

/** Runs `update` with all others before the next frame; once, however often it is asked for. */
export function onNextFrame(update: () => void): void {
  updates.add(update);
  if (isAskedFor) return;
  isAskedFor = true;
  if (scope.document?.visibilityState === 'hidden') setTimeout(run, hiddenMs);
  else if (scope.requestAnimationFrame !== undefined) scope.requestAnimationFrame(run);
  else setTimeout(run, frameMs);
}

function run(): void {
  isAskedFor = false;
  const due = [...updates];
  updates.clear();
  for (const update of due) update();
}

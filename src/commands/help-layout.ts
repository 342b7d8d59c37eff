/** How help is laid out: what a flag does stands beside it, or below where it is long or there is no room. */
import type { Help } from 'commander';

/** Columns for flags; what a longer one does begins on the next line. */
const flagColumns = 28;
/** From here on there is room for two columns. */
const minTwoColumns = 72;
/** Longer lines are hard to read. */
const maxColumns = 100;
const indent = 2;
const gap = 2;

/** For commander's `configureHelp`. */
export const helpLayout: Partial<Help> = {
  showGlobalOptions: true,
  // Those of odin itself: a subcommand takes none of its command's.
  visibleGlobalOptions(command) {
    let root = command;
    while (root.parent !== null) root = root.parent;
    return root === command ? [] : root.options.filter(({ long }) => long !== '--version');
  },
  minWidthToWrap: 20,
  padWidth: () => flagColumns,
  formatItem(term, _width, description, helper) {
    const columns = Math.min(helper.helpWidth ?? 80, maxColumns);
    const isBeside = columns >= minTwoColumns;
    const margin = isBeside ? indent + flagColumns + gap : 3 * indent;
    const text = helper
      .boxWrap(description, columns - margin)
      .replaceAll('\n', `\n${' '.repeat(margin)}`);
    const first = `${' '.repeat(indent)}${term}`;
    if (text === '') return first;
    if (isBeside && term.length <= flagColumns) return `${first.padEnd(margin)}${text}`;
    return `${first}\n${' '.repeat(margin)}${text}`;
  },
};

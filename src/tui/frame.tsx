/** Frame: lines as rows of the terminal, which is all that a screen is made of. */
import { Box, Text } from 'ink';
import type { Line } from './line.ts';
import type { Paint } from './paint.ts';

/** Draws lines that fit the terminal already, one row each. */
export function Frame({
  lines,
  paint,
}: {
  readonly lines: readonly Line[];
  readonly paint: Paint;
}) {
  return (
    <Box flexDirection="column">
      {lines.map((line, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen is known by its place
        <Text key={row} wrap="truncate">
          {paint(line) || ' '}
        </Text>
      ))}
    </Box>
  );
}

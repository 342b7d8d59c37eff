/** Negotiation: what a client takes, and what it has already (RFC 9110, 12.5.3 and 13.1.2). */
import { type Encoding, encodings, type PageFile } from './page-files.ts';

/** Of something that was not named: less than any weight that can be written. */
const leastWeight = 0.0001;

/**
 * The form of a file that a client likes best by its `Accept-Encoding`, of several the smallest. Who
 * refuses all that there are gets the file as it is.
 */
export function encodingFor(accepted: string, bodies: PageFile['bodies']): Encoding {
  const weights = weightsIn(accepted);
  const others = weights.get('*');
  let best: Encoding = 'identity';
  let most = 0;
  for (const encoding of encodings) {
    if (bodies[encoding] === undefined) continue;
    const unnamed = others ?? (encoding === 'identity' ? leastWeight : 0);
    const weight = weights.get(encoding) ?? unnamed;
    if (weight <= most) continue;
    best = encoding;
    most = weight;
  }
  return best;
}

/** By name; 0 is a refusal. One whose weight is none is left out. */
function weightsIn(accepted: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const part of accepted.toLowerCase().split(',')) {
    const [, name, q = '1'] =
      /^\s*(?:x-)?([\w*.-]+)\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/.exec(part) ?? [];
    if (name !== undefined) weights.set(name, Number(q));
  }
  return weights;
}

/** Whether a client has what it would get, by its `If-None-Match`: caches may have weakened the tag. */
export function isKnown(given: string, tag: string): boolean {
  if (given.trim() === '*') return true;
  return Array.from(given.matchAll(/"[^"]*"/g)).some(([one]) => one === tag);
}

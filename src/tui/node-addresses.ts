/** NodeAddresses: which addresses lead to one node, and how nodes of one id are called. */
import type { NodeFigures } from './fleet-figures.ts';

/**
 * Nodes that are watched under several addresses, each once: by an address that answers, and best by
 * one that led to it at the last look too, as a load balancer may not; else by the first. What tells
 * nodes apart is their id and their start, as the newest report of an address says; where it has said
 * nothing yet, an address counts as a node.
 */
export function oncePerNode(found: readonly NodeFigures[]): readonly NodeFigures[] {
  const nodes = new Map<string, readonly [NodeFigures, ...NodeFigures[]]>();
  for (const node of found) {
    const key = keyOf(node);
    const [first, ...others] = nodes.get(key) ?? [];
    nodes.set(key, first === undefined ? [node] : [first, ...others, node]);
  }
  return Array.from(nodes.values(), (same) => {
    const [first] = same;
    const answering = same.filter(({ sight }) => sight.state === 'up');
    const shown = answering.find(({ rates }) => rates !== undefined) ?? answering[0] ?? first;
    const elsewhere = same.filter((node) => node !== shown).map(({ sight }) => sight);
    return { ...shown, url: first.url, elsewhere };
  });
}

/** Nodes of one id, which were given it twice, called by their addresses too. */
export function toldApart(nodes: readonly NodeFigures[]): readonly NodeFigures[] {
  const counts = new Map<string, number>();
  for (const { name } of nodes) counts.set(name, (counts.get(name) ?? 0) + 1);
  return nodes.map((node) =>
    (counts.get(node.name) as number) > 1
      ? { ...node, name: `${node.name} ${placeOf(node.url)}` }
      : node,
  );
}

/** An address as it is shown: without its scheme. */
export function placeOf(url: string): string {
  return url.replace(/^https?:\/\//, '');
}

function keyOf({ report, url }: NodeFigures): string {
  // Older versions have none.
  const instance: string | undefined = report?.instance;
  return report === undefined || instance === undefined ? url : `${report.node}\n${instance}`;
}

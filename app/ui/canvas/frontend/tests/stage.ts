// Graphs for tests, and chances that come out the same each time.

import type { Graph, GraphEdge, GraphNode } from "../src/model/graph.ts";

export const node = (id: string, x = 0, y = 0, more: Record<string, unknown> = {}): GraphNode => ({
  id,
  kind: id.split("_")[0] ?? id,
  position: { x, y },
  ...more,
});

export const edge = (source: string, target: string, when?: string): GraphEdge =>
  when ? { source, target, when } : { source, target };

export const graph = (nodes: GraphNode[], edges: GraphEdge[] = []): Graph => ({ nodes, edges });

/** Returns numbers from 0 up to, without, `below`: mulberry32. */
export function chances(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Returns a graph without circles. */
export function randomGraph(chance: (below: number) => number, nodes: number): Graph {
  const made = Array.from({ length: nodes }, (_, n) => node(`n_${n}`, chance(900), chance(900), { text: chance(3) }));
  const edges = new Map<string, GraphEdge>();
  for (let n = 0; n < nodes * 2; n += 1) {
    const [a, b] = [chance(nodes), chance(nodes)];
    if (a < b) edges.set(`${a} ${b}`, edge(`n_${a}`, `n_${b}`));
  }
  return graph(made, [...edges.values()]);
}

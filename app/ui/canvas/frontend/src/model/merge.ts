// Changes of two sides at once. Undo uses it too: it carries one step back over whatever has happened since.

import { type Graph, type GraphEdge, type GraphNode, edgesByKey, nodesById, sameValue, withoutMembers } from "./graph.ts";

/**
 * Returns `theirs` with what was changed between `base` and `mine` done again.
 *
 * Places and contents of a node are merged apart. A node removed on either side stays removed, and an edge stays
 * only while both its ends do. Where both have changed the same thing, mine holds.
 */
export function merge(base: Graph, mine: Graph, theirs: Graph): Graph {
  const nodes = mergeMembers(nodesById(base), nodesById(mine), nodesById(theirs), mergeNode);
  const removed = new Set([...base.nodes, ...theirs.nodes].map((node) => node.id).filter((id) => !nodes.has(id)));
  const ends = (edge: GraphEdge) => !removed.has(edge.source) && !removed.has(edge.target);
  const edges = mergeMembers(edgesByKey(base), edgesByKey(mine), edgesByKey(theirs), mergeWhole);
  const extra = mergeWhole(withoutMembers(base), withoutMembers(mine), withoutMembers(theirs));
  return { ...extra, nodes: [...nodes.values()], edges: [...edges.values()].filter(ends) };
}

function mergeMembers<T>(
  base: Map<string, T>,
  mine: Map<string, T>,
  theirs: Map<string, T>,
  both: (base: T | undefined, mine: T, theirs: T) => T,
): Map<string, T> {
  const merged = new Map<string, T>();
  for (const [key, value] of theirs) {
    const ours = mine.get(key);
    if (ours !== undefined) merged.set(key, both(base.get(key), ours, value));
    else if (!base.has(key)) merged.set(key, value);
  }
  for (const [key, value] of mine) {
    if (!theirs.has(key) && !base.has(key)) merged.set(key, value);
  }
  return merged;
}

function mergeNode(base: GraphNode | undefined, mine: GraphNode, theirs: GraphNode): GraphNode {
  if (base === undefined && mine.kind !== theirs.kind) return theirs;
  const [before, ours, other] = [apart(base), apart(mine), apart(theirs)];
  const position = mergeWhole(before.position, ours.position, other.position) ?? ours.position;
  const content = base === undefined ? other.content : mergeWhole(before.content, ours.content, other.content);
  if (sameValue(content, other.content) && sameValue(position, other.position)) return theirs;
  return (position ? { ...content, position } : content) as GraphNode;
}

function apart(node: GraphNode | undefined) {
  const { position, ...content } = node ?? {};
  return { position: position as GraphNode["position"], content };
}

function mergeWhole<T>(base: T | undefined, mine: T, theirs: T): T {
  return sameValue(base, mine) ? theirs : mine;
}

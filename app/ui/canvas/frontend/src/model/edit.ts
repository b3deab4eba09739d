// What a person can do to a graph. Everything returns a new graph.

import { type Graph, type GraphEdge, type GraphNode, type Point, edgeKey } from "./graph.ts";

/** Returns an id for a new node of `kind`: `agent_2`. */
export function freshId(kind: string, taken: ReadonlySet<string>): string {
  let number = 1;
  while (taken.has(`${kind}_${number}`)) number += 1;
  return `${kind}_${number}`;
}

export function ids(graph: Graph): Set<string> {
  return new Set(graph.nodes.map((node) => node.id));
}

export function addNode(graph: Graph, node: GraphNode): Graph {
  return { ...graph, nodes: [...graph.nodes, node] };
}

export function newEdge(source: string, when: string, target: string): GraphEdge {
  return when ? { source, target, when } : { source, target };
}

export type Refusal = "itself" | "already" | "circle";

/** Returns why an edge cannot be drawn, or undefined when it can. */
export function refusal(graph: Graph, source: string, when: string, target: string): Refusal | undefined {
  if (source === target) return "itself";
  const key = edgeKey({ source, when, target });
  if (graph.edges.some((edge) => edgeKey(edge) === key)) return "already";
  return isReachable(graph, target, source) ? "circle" : undefined;
}

function isReachable(graph: Graph, from: string, to: string): boolean {
  return reached(graph, from).has(to);
}

/** Returns a node and everything that follows it. */
export function reached(graph: Graph, from: string): Set<string> {
  const next = new Map<string, string[]>();
  for (const edge of graph.edges) {
    const targets = next.get(edge.source);
    if (targets) targets.push(edge.target);
    else next.set(edge.source, [edge.target]);
  }
  const seen = new Set([from]);
  const waiting = [from];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const target of next.get(node) ?? []) {
      if (!seen.has(target)) {
        seen.add(target);
        waiting.push(target);
      }
    }
  }
  return seen;
}

export function connect(graph: Graph, source: string, when: string, target: string): Graph {
  return { ...graph, edges: [...graph.edges, newEdge(source, when, target)] };
}

/** Returns `graph` with a node in the middle of an edge: what followed the edge's source follows it, by `outcome`. */
export function putInto(graph: Graph, edge: GraphEdge, node: string, outcome: string): Graph {
  const cut = remove(graph, new Set(), new Set([edgeKey(edge)]));
  return connect(connect(cut, edge.source, edge.when ?? "", node), node, outcome, edge.target);
}

/** Returns `graph` with a node and everything that follows it farther to the right. */
export function pushRight(graph: Graph, from: string, by: number): Graph {
  const moved = reached(graph, from);
  const places = graph.nodes.flatMap(({ id, position }) =>
    position && moved.has(id) ? [[id, { x: position.x + by, y: position.y }] as const] : [],
  );
  return place(graph, new Map(places));
}

/** Returns `graph` without the nodes, their edges, and the edges with the given keys. */
export function remove(graph: Graph, nodes: ReadonlySet<string>, edges: ReadonlySet<string>): Graph {
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => !nodes.has(node.id)),
    edges: graph.edges.filter(
      (edge) => !nodes.has(edge.source) && !nodes.has(edge.target) && !edges.has(edgeKey(edge)),
    ),
  };
}

export function place(graph: Graph, places: ReadonlyMap<string, Point>): Graph {
  const nodes = graph.nodes.map((node) => {
    const position = places.get(node.id);
    if (!position || (position.x === node.position?.x && position.y === node.position.y)) return node;
    return { ...node, position };
  });
  return { ...graph, nodes };
}

/** Returns `graph` with a copy of `part`, the ids of the copies, and nothing changed in `part`. */
export function insert(graph: Graph, part: Graph, offset: Point): { graph: Graph; added: string[] } {
  const taken = ids(graph);
  const renamed = new Map<string, string>();
  const nodes = part.nodes.map((node) => {
    const id = freshId(node.kind, taken);
    taken.add(id);
    renamed.set(node.id, id);
    const { x, y } = node.position ?? { x: 0, y: 0 };
    return { ...node, id, position: { x: x + offset.x, y: y + offset.y } };
  });
  const edges = part.edges.map((edge) => ({
    ...edge,
    source: renamed.get(edge.source) ?? edge.source,
    target: renamed.get(edge.target) ?? edge.target,
  }));
  return {
    graph: { ...graph, nodes: [...graph.nodes, ...nodes], edges: [...graph.edges, ...edges] },
    added: [...renamed.values()],
  };
}

/** Returns the nodes with the given ids and the edges among them. */
export function part(graph: Graph, chosen: ReadonlySet<string>): Graph {
  return {
    nodes: graph.nodes.filter((node) => chosen.has(node.id)),
    edges: graph.edges.filter((edge) => chosen.has(edge.source) && chosen.has(edge.target)),
  };
}

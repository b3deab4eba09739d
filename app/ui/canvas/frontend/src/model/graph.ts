// The graph as Python keeps it. Whatever a node or an edge carries beyond the names below is passed on untouched.

export interface Point {
  x: number;
  y: number;
}

export interface GraphNode {
  readonly id: string;
  readonly kind: string;
  readonly label?: string;
  readonly position?: Point;
  readonly [config: string]: unknown;
}

export interface GraphEdge {
  readonly source: string;
  readonly target: string;
  readonly when?: string;
  readonly [config: string]: unknown;
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly [extra: string]: unknown;
}

const FAR = 100_000;

/** Reads a graph that may hold anything: unusable entries and those that repeat an id or an edge are left out. */
export function readGraph(value: unknown): Graph {
  const raw = isRecord(value) ? value : {};
  const nodes = new Map<string, GraphNode>();
  for (const node of asList(raw.nodes)) {
    if (isRecord(node) && typeof node.id === "string" && !nodes.has(node.id)) {
      nodes.set(node.id, readNode(node));
    }
  }
  const edges = new Map<string, GraphEdge>();
  for (const edge of asList(raw.edges)) {
    if (isRecord(edge) && typeof edge.source === "string" && typeof edge.target === "string") {
      const known = edge as unknown as GraphEdge;
      if (!edges.has(edgeKey(known))) edges.set(edgeKey(known), known);
    }
  }
  return { ...raw, nodes: [...nodes.values()], edges: [...edges.values()] };
}

function readNode(raw: Record<string, unknown>): GraphNode {
  const { position, ...rest } = raw;
  const node = { ...rest, id: String(raw.id), kind: String(raw.kind ?? "") };
  const point = readPoint(position);
  return point ? { ...node, position: point } : node;
}

/** Returns the point in `value`, kept within reach of a person, or undefined. */
export function readPoint(value: unknown): Point | undefined {
  if (!isRecord(value)) return undefined;
  const { x, y } = value;
  if (typeof x !== "number" || typeof y !== "number" || Number.isNaN(x) || Number.isNaN(y)) return undefined;
  return { x: clamp(x), y: clamp(y) };
}

const clamp = (value: number) => Math.round(Math.min(FAR, Math.max(-FAR, value)));

/** What makes an edge the same as another one. */
export function edgeKey(edge: Pick<GraphEdge, "source" | "target" | "when">): string {
  return JSON.stringify([edge.source, edge.when ?? "", edge.target]);
}

export function nodesById(graph: Graph): Map<string, GraphNode> {
  return new Map(graph.nodes.map((node) => [node.id, node]));
}

export function edgesByKey(graph: Graph): Map<string, GraphEdge> {
  return new Map(graph.edges.map((edge) => [edgeKey(edge), edge]));
}

/** Returns whether two graphs say the same, whatever the order of nodes, edges and names. */
export function sameGraph(a: Graph, b: Graph): boolean {
  return (
    a === b ||
    (sameMembers(nodesById(a), nodesById(b)) &&
      sameMembers(edgesByKey(a), edgesByKey(b)) &&
      sameValue(withoutMembers(a), withoutMembers(b)))
  );
}

export function withoutMembers(graph: Graph): Record<string, unknown> {
  const { nodes: _nodes, edges: _edges, ...rest } = graph;
  return rest;
}

function sameMembers(a: Map<string, unknown>, b: Map<string, unknown>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.has(key) && sameValue(value, b.get(key)));
}

/** Compares two JSON values. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((value, index) => sameValue(value, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameValue(a[name], b[name]))
  );
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

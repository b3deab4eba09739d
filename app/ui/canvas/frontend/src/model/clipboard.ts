// Steps on the clipboard: our own JSON, so that they go from tab to tab. It may come from anywhere and is checked.

import { type Graph, isRecord, readGraph } from "./graph.ts";
import { part } from "./edit.ts";

const MARK = "zoark_workflow_part";
const LONGEST = 1_000_000;
const MOST = 500;

export function write(graph: Graph, chosen: ReadonlySet<string>): string {
  const { nodes, edges } = part(graph, chosen);
  return JSON.stringify({ [MARK]: 1, nodes, edges });
}

export interface Pasted {
  part: Graph;
  /** How many steps were left out because their kind is unknown here. */
  unknown: number;
}

/** Returns the steps in `text`, or undefined when it holds none of ours. */
export function read(text: string, kinds: { has(kind: string): boolean }): Pasted | undefined {
  if (text.length > LONGEST || !text.includes(MARK)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value[MARK] !== 1) return undefined;
  const graph = readGraph({ nodes: value.nodes, edges: value.edges });
  if (graph.nodes.length > MOST) return undefined;
  const known = new Set(graph.nodes.filter((node) => kinds.has(node.kind)).map((node) => node.id));
  return { part: part(graph, known), unknown: graph.nodes.length - known.size };
}

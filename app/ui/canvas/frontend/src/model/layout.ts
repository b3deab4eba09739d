// Arranges a graph from left to right in layers, as Sugiyama, Tagawa and Toda (1981) do: break circles, layer by the
// longest way, bend edges where they pass a layer, order each layer by the mean place of its neighbours, then place.

import type { Graph, Point } from "./graph.ts";

export interface Size {
  width: number;
  height: number;
}

/** Nodes are numbers in here; those behind the graph's own ones are bends. */
interface Net {
  sizes: Size[];
  next: number[][];
  back: number[][];
  layers: number[][];
}

const GAP_X = 100;
const GAP_Y = 36;
const BEND: Size = { width: 0, height: 10 };
/** How much more a bend stays where it would like to be than a node: long edges are drawn straight. */
const BEND_WEIGHT = 8;
const SWEEPS = 12;

/** Returns a place for each node of `graph`, from (0, 0) to the right and down. */
export function arrange(graph: Graph, sizeOf: (id: string) => Size): Map<string, Point> {
  const ids = graph.nodes.map((node) => node.id);
  const next = withoutCircles(targets(graph, ids));
  const depth = depths(next);
  const net = bent(next, depth, ids.map(sizeOf));
  order(net);
  const middles = levels(net);
  const lefts = columns(net);
  const tops = ids.map((_, node) => (middles[node] ?? 0) - (net.sizes[node]?.height ?? 0) / 2);
  const top = Math.min(...tops);
  return new Map(ids.map((id, node) => [id, { x: lefts[depth[node] ?? 0] ?? 0, y: round((tops[node] ?? 0) - top) }]));
}

const round = (value: number) => Math.round(value / 10) * 10;

function targets(graph: Graph, ids: string[]): number[][] {
  const numbers = new Map(ids.map((id, node) => [id, node]));
  const found = ids.map(() => new Set<number>());
  for (const edge of graph.edges) {
    const target = numbers.get(edge.target);
    const source = numbers.get(edge.source);
    if (source !== undefined && target !== undefined && source !== target) found[source]?.add(target);
  }
  return found.map((set) => [...set]);
}

/** Leaves out the edges that lead back to a node on the way to them; no recursion, for graphs are as deep as they like. */
function withoutCircles(all: number[][]): number[][] {
  const kept: number[][] = all.map(() => []);
  const state = new Map<number, "open" | "done">();
  for (const start of all.keys()) {
    if (state.has(start)) continue;
    const stack = [{ node: start, at: 0 }];
    state.set(start, "open");
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const target = all[top.node]?.[top.at];
      top.at += 1;
      if (target === undefined) {
        state.set(top.node, "done");
        stack.pop();
      } else {
        if (state.get(target) !== "open") kept[top.node]?.push(target);
        if (!state.has(target)) {
          state.set(target, "open");
          stack.push({ node: target, at: 0 });
        }
      }
    }
  }
  return kept;
}

function depths(next: number[][]): number[] {
  const missing = next.map(() => 0);
  for (const node of next.flat()) missing[node] = (missing[node] ?? 0) + 1;
  const depth = next.map(() => 0);
  const ready = [...next.keys()].filter((node) => missing[node] === 0);
  for (const node of ready) {
    for (const target of next[node] ?? []) {
      depth[target] = Math.max(depth[target] ?? 0, (depth[node] ?? 0) + 1);
      missing[target] = (missing[target] ?? 0) - 1;
      if (missing[target] === 0) ready.push(target);
    }
  }
  return depth;
}

function bent(next: number[][], depth: number[], sizes: Size[]): Net {
  const net: Net = { sizes: [...sizes], next: next.map(() => []), back: next.map(() => []), layers: [] };
  const join = (from: number, to: number) => {
    net.next[from]?.push(to);
    net.back[to]?.push(from);
  };
  const put = (node: number, layer: number) => (net.layers[layer] ??= []).push(node);
  depth.forEach((layer, node) => put(node, layer));
  for (const [source, goals] of next.entries()) {
    for (const target of goals) {
      let from = source;
      for (let layer = (depth[source] ?? 0) + 1; layer < (depth[target] ?? 0); layer += 1) {
        const bend = net.sizes.push(BEND) - 1;
        net.next.push([]);
        net.back.push([]);
        put(bend, layer);
        join(from, bend);
        from = bend;
      }
      join(from, target);
    }
  }
  const rank = visitOrder(net);
  for (const layer of net.layers) layer.sort((a, b) => (rank[a] ?? 0) - (rank[b] ?? 0));
  return net;
}

/** Returns when each node is come to, going along the edges in their order: a first order with few crossings. */
function visitOrder({ next, back }: Net): number[] {
  const rank: number[] = [];
  let visited = 0;
  const waiting = [...next.keys()].filter((node) => !back[node]?.length).reverse();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (rank[node] !== undefined) continue;
    rank[node] = visited++;
    waiting.push(...(next[node] ?? []).filter((target) => rank[target] === undefined).reverse());
  }
  return rank;
}

/** Sorts each layer so that few edges cross. */
function order(net: Net): void {
  const rank: number[] = [];
  const note = (layer: number[]) => layer.forEach((node, index) => (rank[node] = index - layer.length / 2));
  net.layers.forEach(note);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isForth = sweep % 2 === 0;
    for (const layer of isForth ? net.layers : [...net.layers].reverse()) {
      const wish = new Map(layer.map((node) => [node, mean((isForth ? net.back : net.next)[node], rank, node)]));
      layer.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0));
      note(layer);
    }
  }
}

function mean(neighbours: number[] | undefined, of: number[], own: number): number {
  if (!neighbours?.length) return of[own] ?? 0;
  return neighbours.reduce((sum, node) => sum + (of[node] ?? 0), 0) / neighbours.length;
}

/** Returns the middle of each node from top to bottom: as level with its neighbours as its layer leaves room. */
function levels(net: Net): number[] {
  const middle = net.sizes.map(() => 0);
  for (const layer of net.layers) stack(layer, () => 0);
  for (const isForth of [true, false, true, false, true]) {
    for (const layer of isForth ? net.layers : [...net.layers].reverse()) {
      stack(layer, (node) => mean((isForth ? net.back : net.next)[node], middle, node));
    }
  }
  for (const layer of net.layers) {
    const isBend = (node: number) => net.sizes[node] === BEND;
    stack(layer, (node) => mean([...(net.back[node] ?? []), ...((isBend(node) && net.next[node]) || [])], middle, node));
  }
  return middle;

  function stack(layer: number[], wished: (node: number) => number): void {
    const wishes = layer.map(wished);
    let bottom = -Infinity;
    let surplus = 0;
    let weights = 0;
    layer.forEach((node, index) => {
      const half = (net.sizes[node]?.height ?? 0) / 2;
      const wish = wishes[index] ?? 0;
      const at = Math.max(wish, bottom + GAP_Y + half);
      const weight = net.sizes[node] === BEND ? BEND_WEIGHT : 1;
      surplus += weight * (at - wish);
      weights += weight;
      middle[node] = at;
      bottom = at + half;
    });
    // What was pushed down is shared out, so that branches stand evenly around what they come from.
    for (const node of layer) middle[node] = (middle[node] ?? 0) - surplus / weights;
  }
}

function columns(net: Net): number[] {
  let left = 0;
  return net.layers.map((layer) => {
    const at = left;
    left += Math.max(...layer.map((node) => net.sizes[node]?.width ?? 0)) + GAP_X;
    return at;
  });
}

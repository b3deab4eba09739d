// Free places for nodes that have none.

import { arrange, type Size } from "./layout.ts";
import { place } from "./edit.ts";
import type { Graph, Point } from "./graph.ts";
import type { Box } from "./nearest.ts";

const GAP = 40;

/** Returns the first place at or below `wish` where a node of `size` touches no box. */
export function freePlace(wish: Point, size: Size, boxes: readonly Box[]): Point {
  const place = { x: Math.round(wish.x / 10) * 10, y: Math.round(wish.y / 10) * 10 };
  const isHit = (box: Box) =>
    place.x < box.x + box.width + GAP / 2 &&
    box.x < place.x + size.width + GAP / 2 &&
    place.y < box.y + box.height + GAP / 2 &&
    box.y < place.y + size.height + GAP / 2;
  for (let hit = boxes.find(isHit); hit; hit = boxes.find(isHit)) place.y = Math.ceil((hit.y + hit.height + GAP) / 10) * 10;
  return place;
}

/** Returns `graph` with a place for every node: `known` ones first, then beside the node before it, then in layers. */
export function withPlaces(graph: Graph, known: ReadonlyMap<string, Point>, sizeOf: (id: string) => Size): Graph {
  if (graph.nodes.every((node) => node.position)) return graph;
  const places = new Map<string, Point>();
  for (const node of graph.nodes) {
    const point = node.position ?? known.get(node.id);
    if (point) places.set(node.id, point);
  }
  if (places.size === 0) return place(graph, arrange(graph, sizeOf));
  const boxes: Box[] = [...places].map(([id, point]) => ({ id, ...point, ...sizeOf(id) }));
  for (const { id } of graph.nodes) {
    if (places.has(id)) continue;
    const source = graph.edges.find((edge) => edge.target === id && places.has(edge.source))?.source;
    const from = boxes.find((box) => box.id === source);
    const bottom = Math.max(...boxes.map((box) => box.y + box.height));
    const left = Math.min(...boxes.map((box) => box.x));
    const wish = from ? { x: from.x + from.width + 2 * GAP, y: from.y } : { x: left, y: bottom + GAP };
    const point = freePlace(wish, sizeOf(id), boxes);
    places.set(id, point);
    boxes.push({ id, ...point, ...sizeOf(id) });
  }
  return place(graph, places);
}

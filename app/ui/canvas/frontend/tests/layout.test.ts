import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange } from "../src/model/layout.ts";
import { first, nearest } from "../src/model/nearest.ts";
import { freePlace, withPlaces } from "../src/model/space.ts";
import { chances, edge, graph, node, randomGraph } from "./stage.ts";

const size = () => ({ width: 208, height: 80 });
const box = (id: string, x: number, y: number) => ({ id, x, y, width: 208, height: 80 });

test("edges lead to the right, and no node lies on another", () => {
  for (let seed = 0; seed < 60; seed += 1) {
    const drawn = randomGraph(chances(seed), 5 + (seed % 40));
    const places = arrange(drawn, size);
    assert.equal(places.size, drawn.nodes.length);
    for (const { source, target } of drawn.edges) assert.ok(places.get(source)!.x < places.get(target)!.x);
    const all = [...places.values()];
    for (const [index, a] of all.entries()) {
      for (const b of all.slice(index + 1)) assert.ok(Math.abs(a.x - b.x) >= 208 || Math.abs(a.y - b.y) >= 80, `seed ${seed}`);
    }
  }
});

test("circles, loops and edges to nowhere are laid out too", () => {
  const odd = graph([node("a"), node("b"), node("c")], [edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("a", "a"), edge("a", "x")]);
  assert.equal(arrange(odd, size).size, 3);
  assert.equal(arrange(graph([]), size).size, 0);
});

test("ten thousand nodes in a row do not exhaust the stack", () => {
  const nodes = Array.from({ length: 10_000 }, (_, n) => node(`n_${n}`));
  const edges = nodes.slice(1).map((n, index) => edge(`n_${index}`, n.id));
  assert.equal(arrange(graph(nodes, edges), size).get("n_9999")!.x, 9999 * 308);
});

test("a straight line stays level", () => {
  const line = graph([node("a"), node("b"), node("c")], [edge("a", "b"), edge("b", "c")]);
  assert.deepEqual(new Set([...arrange(line, size).values()].map((point) => point.y)), new Set([0]));
});

test("a long edge leads past the nodes of the layers between", () => {
  const nodes = ["input", "check", "ask", "mail"].map((id) => node(id));
  const places = arrange(graph(nodes, [edge("input", "check"), edge("check", "ask"), edge("ask", "mail"), edge("check", "mail")]), size);
  const at = (id: string) => places.get(id)!.y + 40;
  const straight = (at("check") + at("mail")) / 2;
  assert.ok(Math.abs(at("ask") - straight) > 40, JSON.stringify([...places]));
  assert.equal(at("input"), at("check"));
});

test("nodes without a place find one beside those that have", () => {
  const drawn = { nodes: [node("a", 50, 60), { id: "b", kind: "b" }, { id: "c", kind: "c" }], edges: [edge("a", "b")] };
  const placed = withPlaces(drawn, new Map(), size);
  assert.deepEqual(placed.nodes.map((n) => n.position), [{ x: 50, y: 60 }, { x: 340, y: 60 }, { x: 50, y: 180 }]);
  assert.equal(withPlaces(placed, new Map(), size), placed);
  assert.deepEqual(withPlaces(drawn, new Map([["b", { x: 1, y: 2 }]]), size).nodes[1]?.position, { x: 1, y: 2 });
});

test("a free place touches nothing", () => {
  assert.deepEqual(freePlace({ x: 0, y: 0 }, size(), [box("a", 0, 0), box("b", 0, 120)]), { x: 0, y: 240 });
});

test("arrow keys lead to what lies ahead", () => {
  const boxes = [box("a", 0, 0), box("b", 300, 0), box("c", 300, 200), box("d", 600, 10)];
  const lead = (id: string, direction: "left" | "right" | "up" | "down") => nearest(boxes.find((b) => b.id === id)!, boxes, direction)?.id;
  assert.deepEqual([lead("a", "right"), lead("b", "right"), lead("b", "down"), lead("c", "up"), lead("a", "left")], ["b", "d", "c", "b", undefined]);
  assert.equal(first(boxes)?.id, "a");
});

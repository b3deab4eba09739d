import assert from "node:assert/strict";
import { test } from "node:test";
import { addNode, place, remove } from "../src/model/edit.ts";
import { type Graph, sameGraph } from "../src/model/graph.ts";
import { History } from "../src/model/history.ts";
import { edge, graph, node } from "./stage.ts";

const start = graph([node("a"), node("b", 100)], [edge("a", "b")]);

test("a hundred and fifty steps are undone and done again", () => {
  const history = new History();
  const graphs: Graph[] = [start];
  for (let n = 0; n < 150; n += 1) {
    const before = graphs.at(-1)!;
    const after = n % 3 ? place(before, new Map([["a", { x: n, y: n }]])) : addNode(before, node(`c_${n}`));
    history.record({ name: "step", before, after });
    graphs.push(after);
  }
  let now = graphs.at(-1)!;
  for (let n = 149; n >= 0; n -= 1) {
    now = history.undo(now)!.graph;
    assert.ok(sameGraph(now, graphs[n]!), `undo to ${n}`);
  }
  assert.equal(history.undo(now), undefined);
  for (let n = 1; n <= 150; n += 1) {
    now = history.redo(now)!.graph;
    assert.ok(sameGraph(now, graphs[n]!), `redo to ${n}`);
  }
  assert.equal(history.redo(now), undefined);
});

test("undoing a deletion brings the node, its configuration and its edges back, and keeps what Python did since", () => {
  const history = new History();
  const full = graph([node("a", 0, 0, { task: "x" }), node("b", 100)], [edge("a", "b")]);
  const after = remove(full, new Set(["a"]), new Set());
  history.record({ name: "delete", before: full, after });
  const renamed = graph([node("b", 100, 0, { label: "By Python" })]);
  const { graph: now } = history.undo(renamed)!;
  assert.ok(sameGraph(now, graph([node("b", 100, 0, { label: "By Python" }), node("a", 0, 0, { task: "x" })], [edge("a", "b")])));
});

test("steps with one key are one step", () => {
  const history = new History();
  const one = place(start, new Map([["a", { x: 10, y: 0 }]]));
  const two = place(start, new Map([["a", { x: 20, y: 0 }]]));
  history.record({ name: "move", before: start, after: one, key: "move a" });
  history.record({ name: "move", before: one, after: two, key: "move a" });
  assert.ok(sameGraph(history.undo(two)!.graph, start));
  assert.equal(history.canUndo, false);
});

test("a new step ends what could be done again", () => {
  const history = new History();
  const after = addNode(start, node("c"));
  history.record({ name: "add", before: start, after });
  const now = history.undo(after)!.graph;
  history.record({ name: "add", before: now, after: addNode(now, node("d")) });
  assert.equal(history.canRedo, false);
});

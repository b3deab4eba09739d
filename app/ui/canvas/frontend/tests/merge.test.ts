import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, place, remove } from "../src/model/edit.ts";
import { type Graph, sameGraph } from "../src/model/graph.ts";
import { merge } from "../src/model/merge.ts";
import { chances, edge, graph, node, randomGraph } from "./stage.ts";

const base = graph([node("a"), node("b", 100)], [edge("a", "b")]);
const only = (...ids: string[]) => new Set(ids);

test("a move and a change of its form are both kept", () => {
  const mine = place(base, new Map([["a", { x: 7, y: 8 }]]));
  const theirs = graph([node("a", 0, 0, { task: "new" }), node("b", 100)], [edge("a", "b")]);
  assert.ok(sameGraph(merge(base, mine, theirs), graph([node("a", 7, 8, { task: "new" }), node("b", 100)], [edge("a", "b")])));
});

test("a node added here and one added there are both kept", () => {
  const mine = graph([...base.nodes, node("c")], [...base.edges, edge("b", "c")]);
  const theirs = graph([...base.nodes, node("d")], base.edges as never);
  const ids = merge(base, mine, theirs).nodes.map((n) => n.id);
  assert.deepEqual(ids, ["a", "b", "d", "c"]);
});

test("a node removed on either side stays removed, with its edges", () => {
  const without = remove(base, only("b"), only());
  const moved = place(base, new Map([["b", { x: 1, y: 1 }]]));
  for (const merged of [merge(base, without, moved), merge(base, moved, without)]) {
    assert.deepEqual([merged.nodes.map((n) => n.id), merged.edges], [["a"], []]);
  }
});

test("an edge to a node that the other side has removed is dropped", () => {
  const mine = connect(graph([...base.nodes, node("c")], [...base.edges]), "b", "", "c");
  const merged = merge(base, mine, remove(base, only("b"), only()));
  assert.deepEqual([merged.nodes.map((n) => n.id), merged.edges], [["a", "c"], []]);
});

test("a node of another kind under the same id is theirs", () => {
  const mine = graph([...base.nodes, { id: "c", kind: "agent" }], []);
  const theirs = graph([...base.nodes, { id: "c", kind: "tool" }], []);
  assert.equal(merge(base, mine, theirs).nodes.at(-1)?.kind, "tool");
});

test("what stands beside nodes and edges is kept", () => {
  const theirs: Graph = { ...base, version: 3 };
  assert.equal(merge(base, place(base, new Map([["a", { x: 1, y: 1 }]])), theirs).version, 3);
});

test("edges to nodes that never were there are left alone", () => {
  const odd = graph([node("a")], [edge("a", "nobody")]);
  assert.deepEqual(merge(odd, odd, odd).edges, odd.edges);
});

test("merging random edits: nothing changed on one side gives the other, and both sides' moves survive", () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const chance = chances(seed);
    const start = randomGraph(chance, 12);
    const edit = () => {
      let made = remove(start, only(`n_${chance(12)}`), only());
      const moved = made.nodes[chance(made.nodes.length)]?.id ?? "";
      made = place(made, new Map([[moved, { x: chance(900), y: chance(900) }]]));
      return { ...made, nodes: [...made.nodes, node(`new_${seed}_${chance(1e9)}`)] };
    };
    const [mine, theirs] = [edit(), edit()];
    assert.ok(sameGraph(merge(start, mine, start), mine));
    assert.ok(sameGraph(merge(start, start, theirs), theirs));
    const merged = merge(start, mine, theirs);
    const ids = new Set(merged.nodes.map((n) => n.id));
    assert.ok(ids.has(mine.nodes.at(-1)!.id) && ids.has(theirs.nodes.at(-1)!.id));
    assert.ok(merged.edges.every((e) => ids.has(e.source) && ids.has(e.target)));
    assert.ok(sameGraph(merge(mine, mine, merged), merged));
  }
});

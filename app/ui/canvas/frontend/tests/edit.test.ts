import assert from "node:assert/strict";
import { test } from "node:test";
import { read, write } from "../src/model/clipboard.ts";
import { addNode, connect, freshId, insert, newEdge, part, pushRight, putInto, refusal } from "../src/model/edit.ts";
import { readGraph, sameValue } from "../src/model/graph.ts";
import { edge, graph, node } from "./stage.ts";

const line = graph([node("agent_1"), node("agent_2", 200), node("tool_1", 400)], [edge("agent_1", "agent_2"), edge("agent_2", "tool_1")]);

test("a new id is the first free one", () => {
  assert.equal(freshId("agent", new Set(["agent_1", "agent_3"])), "agent_2");
});

test("edges to itself, a second time and in a circle are refused", () => {
  assert.equal(refusal(line, "agent_1", "", "agent_1"), "itself");
  assert.equal(refusal(line, "agent_1", "", "agent_2"), "already");
  assert.equal(refusal(line, "tool_1", "", "agent_1"), "circle");
  assert.equal(refusal(line, "agent_1", "yes", "agent_2"), undefined);
});

test("an ordinary edge has no outcome", () => {
  assert.deepEqual(newEdge("a", "", "b"), { source: "a", target: "b" });
  assert.deepEqual(connect(line, "agent_1", "yes", "tool_1").edges.at(-1), { source: "agent_1", target: "tool_1", when: "yes" });
});

test("a node that is put into an edge takes its way over and leads on to where it led", () => {
  const branched = { ...line, edges: [{ source: "agent_1", target: "agent_2", when: "yes" }, ...line.edges.slice(1)] };
  const now = putInto(addNode(branched, node("agent_3")), { source: "agent_1", target: "agent_2", when: "yes" }, "agent_3", "true");
  assert.deepEqual(now.edges, [
    edge("agent_2", "tool_1"),
    { source: "agent_1", target: "agent_3", when: "yes" },
    { source: "agent_3", target: "agent_2", when: "true" },
  ]);
});

test("what follows a node moves to the right with it, and nothing else", () => {
  assert.deepEqual(pushRight(line, "agent_2", 50).nodes.map((n) => n.position?.x), [0, 250, 450]);
});

test("copies get new ids and keep the edges among them", () => {
  const { graph: now, added } = insert(line, part(line, new Set(["agent_1", "agent_2"])), { x: 40, y: 40 });
  assert.deepEqual(added, ["agent_3", "agent_4"]);
  assert.deepEqual(now.edges.slice(2), [edge("agent_3", "agent_4")]);
  assert.deepEqual(now.nodes.at(-1)?.position, { x: 240, y: 40 });
});

test("the clipboard gives back what was written, and nothing that is not ours", () => {
  const kinds = new Set(["agent", "tool"]);
  const pasted = read(write(line, new Set(["agent_1", "agent_2"])), kinds);
  assert.deepEqual(pasted?.part.nodes.map((n) => n.id), ["agent_1", "agent_2"]);
  assert.equal(read(write(line, new Set(["agent_1", "tool_1"])), new Set(["tool"]))?.unknown, 1);
  for (const text of ["", "hello", "{}", '{"zoark_workflow_part":', '{"zoark_workflow_part": 2}', "[]", "null"]) {
    assert.equal(read(text, kinds), undefined, text);
  }
  const odd = read('{"zoark_workflow_part": 1, "nodes": [1, null, {"id": 3}, {"id": "a", "kind": "agent"}], "edges": [{}]}', kinds);
  assert.deepEqual(odd?.part, graph([{ id: "a", kind: "agent" }]));
});

test("names that break careless code are names like others", () => {
  const raw = JSON.parse('{"nodes": [{"id": "__proto__", "kind": "agent", "__proto__": {"x": 1}}, {"id": "constructor", "kind": "a"}], "edges": [{"source": "__proto__", "target": "constructor"}]}');
  const read = readGraph(raw);
  assert.deepEqual(read.nodes.map((n) => n.id), ["__proto__", "constructor"]);
  assert.equal(read.edges.length, 1);
  assert.equal(refusal(read, "constructor", "", "__proto__"), "circle");
  assert.equal(freshId("__proto__", new Set()), "__proto___1");
  assert.equal(sameValue(JSON.parse('{"__proto__": 1}'), {}), false);
});

test("a graph of the wrong form is read as far as it goes", () => {
  for (const value of [null, 1, "x", [], { nodes: 3, edges: "no" }]) {
    assert.deepEqual([readGraph(value).nodes, readGraph(value).edges], [[], []]);
  }
  const read = readGraph({ nodes: [{ id: "a", position: { x: NaN, y: 1 } }, { id: "a" }, { id: "b", position: { x: 1e300, y: -5.4 } }] });
  assert.deepEqual(read.nodes, [{ id: "a", kind: "" }, { id: "b", kind: "", position: { x: 100_000, y: -5 } }]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { addNode, place } from "../src/model/edit.ts";
import { type Graph, sameGraph } from "../src/model/graph.ts";
import { Sync } from "../src/sync.ts";
import { chances, edge, graph, node } from "./stage.ts";

const start = graph([node("a"), node("b", 100)], [edge("a", "b")]);
const told = (of: Graph, revision: number, settled = 0) => ({ graph: of, revision, settled, number: 0, opening: 0, telling: 0 });
const moved = (of: Graph, id: string, x: number) => place(of, new Map([[id, { x, y: 0 }]]));
const ids = (of: Graph) => of.nodes.map((n) => n.id);

test("nothing is sent twice", () => {
  const sync = new Sync(told(start, 1));
  assert.equal(sync.isDirty, false);
  sync.change(moved(start, "a", 50));
  const sent = sync.message(null);
  assert.deepEqual([sent.number, sent.base_revision, sync.isDirty], [1, 1, false]);
});

test("an echo of an older state never overwrites newer work", () => {
  const sync = new Sync(told(start, 1));
  sync.change(moved(start, "a", 50));
  const first = sync.message(null).graph!;
  sync.change(moved(first, "a", 90));
  assert.equal(sync.receive(told(first, 2, 1)), false);
  assert.equal(sync.graph.nodes[0]?.position?.x, 90);
  const second = sync.message(null);
  assert.deepEqual([second.number, second.base_revision], [2, 2]);
  assert.equal(sync.receive(told(second.graph!, 3, 2)), false);
  assert.equal(sync.isDirty, false);
});

test("a node that Python adds while one is dragged is kept, and both are sent", () => {
  const sync = new Sync(told(start, 1));
  sync.change(moved(start, "a", 50));
  sync.message(null);
  assert.equal(sync.receive(told(addNode(start, node("python")), 2, 0)), true);
  assert.deepEqual([ids(sync.graph), sync.graph.nodes[0]?.position?.x], [["a", "b", "python"], 50]);
  const again = sync.message(null);
  assert.deepEqual([again.number, again.base_revision, ids(again.graph!)], [2, 2, ["a", "b", "python"]]);
});

test("a form's change after one that Python has seen is adopted whole", () => {
  const sync = new Sync(told(start, 1));
  sync.change(moved(start, "a", 50));
  sync.message(null);
  const saved = graph([node("a", 0, 0, { task: "x" }), node("b", 100)], [edge("a", "b")]);
  assert.equal(sync.receive(told(saved, 3, 1)), true);
  assert.ok(sameGraph(sync.graph, saved), "the page has taken the move back");
  assert.equal(sync.isDirty, false);
});

test("a lower or equal revision changes nothing", () => {
  const sync = new Sync(told(start, 5));
  assert.equal(sync.receive(told(graph([]), 5)), false);
  assert.equal(sync.receive(told(graph([]), 4)), false);
  assert.equal(ids(sync.graph).length, 2);
});

test("opening a form carries the change before it", () => {
  const sync = new Sync(told(start, 1));
  sync.change(moved(start, "a", 50));
  const sent = sync.message("a", "a");
  assert.deepEqual([sent.opened, sent.opening, sent.number], ["a", 1, 1]);
  const again = sync.message("a", "a");
  assert.deepEqual([again.opening, again.number], [2, 1]);
});

test("counting goes on after the canvas was built anew", () => {
  const sync = new Sync({ ...told(start, 7), number: 12, opening: 3, settled: 12 });
  sync.change(moved(start, "a", 50));
  const sent = sync.message(null, "a");
  assert.deepEqual([sent.number, sent.opening], [13, 4]);
});

test("a person, Python and lost messages in any order end with one graph that lacks nothing", () => {
  for (let seed = 0; seed < 300; seed += 1) {
    const chance = chances(seed);
    let page = { graph: start as Graph, revision: 1, heard: 0, settled: 0, known: null as Graph | null, became: 0 };
    const sync = new Sync(told(page.graph, page.revision));
    const wanted = new Set(ids(start));
    let waiting: ReturnType<Sync["message"]> | undefined;
    const draw = () => {
      // As app/ui/canvas/hearing.py has it.
      if (page.known && page.revision > page.became && sameGraph(page.known, page.graph)) page.became = page.revision;
      sync.receive(told(page.graph, page.revision, page.settled));
      if (!waiting || waiting.number <= page.heard) return;
      const base = waiting.number >= page.settled ? Math.max(waiting.base_revision, page.became) : waiting.base_revision;
      page.heard = waiting.number;
      if (base < page.revision) return;
      page = { ...page, graph: waiting.graph!, revision: page.revision + 1, settled: waiting.number, known: waiting.graph };
    };
    for (let step = 0; step < 30; step += 1) {
      const id = `s${seed}_${step}`;
      const what = chance(5);
      if (what === 0) {
        sync.change(addNode(sync.graph, node(id)));
        wanted.add(id);
      } else if (what === 1) {
        sync.change(moved(sync.graph, "a", chance(900)));
      } else if (what === 2) {
        page = { ...page, graph: addNode(page.graph, node(id)), revision: page.revision + 1 };
        wanted.add(id);
      } else if (what === 3) {
        if (sync.isDirty) waiting = sync.message(null);
      } else draw();
    }
    for (let round = 0; round < 4; round += 1) {
      if (sync.isDirty) waiting = sync.message(null);
      draw();
    }
    assert.ok(sameGraph(page.graph, sync.graph), `seed ${seed}`);
    assert.deepEqual(new Set(ids(page.graph)), wanted, `seed ${seed}`);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { search } from "../src/model/search.ts";

const items = [
  { name: "Wait", help: "Waits until an agent may go on." },
  { name: "Sub agent", help: "" },
  { name: "Agent", help: "One agent with a task." },
];
const find = (wanted: string) => search(items, wanted, ({ name }) => name, ({ help }) => help).map(({ name }) => name);

test("what is called so comes before what only speaks of it", () => {
  assert.deepEqual(find("agent"), ["Agent", "Sub agent", "Wait"]);
  assert.deepEqual(find("AGENT task"), ["Agent"]);
  assert.deepEqual(find("  "), ["Wait", "Sub agent", "Agent"]);
  assert.deepEqual(find("no such"), []);
});

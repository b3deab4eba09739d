// What a person can do, by mouse, finger or keyboard. Each says what happened.

import { read, write } from "./model/clipboard.ts";
import { addNode, connect, freshId, ids, insert, newEdge, part, place, pushRight, putInto, refusal, remove } from "./model/edit.ts";
import { type GraphEdge, type GraphNode, type Point, edgeKey } from "./model/graph.ts";
import { arrange } from "./model/layout.ts";
import { freePlace } from "./model/space.ts";
import { CARD_WIDTH, type Editor } from "./editor.ts";
import { focusNode } from "./focus.ts";
import { outcomeLabel } from "./picture.ts";
import { returnTo } from "./returning.ts";
import { middleOfView, showAll } from "./sight.ts";
import { REFUSALS, counted } from "./words.ts";

const GAP = 100;
const NARROW_GAP = 40;
const COPY_OFFSET = 40;

export function titleOf(editor: Editor, id: string): string {
  return editor.nodes.find((node) => node.data.id === id)?.data.title ?? id;
}

function card(editor: Editor, id: string) {
  return editor.nodes.find((node) => node.data.id === id)?.data;
}

/** What an action works on: the selection when the focused node belongs to it, otherwise the focused node alone. */
export function targets(editor: Editor): ReadonlySet<string> {
  const { focused, selected } = editor;
  return focused === null || selected.has(focused) ? selected : new Set([focused]);
}

/** Opens the form of a node. */
export function openForm(editor: Editor, node: string): void {
  if (editor.scene.isReadOnly) return;
  editor.set("focused", node);
  returnTo(editor, node);
  editor.open(node);
}

// --- adding ---

/** Adds a node at a place, or into the edge that is there. */
export function addAt(editor: Editor, kind: string, at: Point, edge: GraphEdge | undefined): void {
  if (edge && canStandBetween(editor, kind)) addInto(editor, kind, edge);
  else put(editor, kind, { x: at.x - CARD_WIDTH / 2, y: at.y - 32 }, null);
}

/** Adds a node into the selected edge, beside the selected node, or in the middle of what is seen. */
export function addFree(editor: Editor, kind: string): void {
  const edge = onlyEdge(editor);
  if (edge && canStandBetween(editor, kind)) addInto(editor, kind, edge);
  else put(editor, kind, editor.only === null ? middleOfView(editor) : beside(editor, editor.only), null);
}

/** Returns the selected edge when nothing else is. */
function onlyEdge(editor: Editor): GraphEdge | undefined {
  const [key, ...more] = editor.selectedEdges;
  if (key === undefined || more.length > 0 || editor.selected.size > 0) return undefined;
  return editor.graph.edges.find((edge) => edgeKey(edge) === key);
}

function canStandBetween(editor: Editor, name: string): boolean {
  const kind = editor.scene.kinds.get(name);
  return kind !== undefined && kind.is_source && kind.is_target && !editor.scene.isReadOnly;
}

/** Adds a node between the two that an edge connects; what follows makes room. */
function addInto(editor: Editor, name: string, edge: GraphEdge): void {
  const kind = editor.scene.kinds.get(name);
  const boxes = editor.boxes();
  const from = boxes.find((box) => box.id === edge.source);
  const to = boxes.find((box) => box.id === edge.target);
  if (!kind || !from || !to) return;
  const id = freshId(name, ids(editor.graph));
  const size = editor.sizeOf(id);
  const right = from.x + from.width;
  const room = Math.max(to.x - right, size.width + 2 * NARROW_GAP);
  const by = right + room - to.x;
  let graph = by > 0 ? pushRight(editor.graph, to.id, by) : editor.graph;
  const places = new Map(graph.nodes.flatMap((node) => (node.position ? [[node.id, node.position] as const] : [])));
  const others = boxes.map((box) => ({ ...box, ...places.get(box.id) }));
  const wish = { x: right + (room - size.width) / 2, y: (from.y + to.y) / 2 };
  const node = { ...structuredClone(kind.initial), id, kind: name, position: freePlace(wish, size, others) };
  graph = putInto(addNode(graph, node as GraphNode), edge, id, kind.outcomes[0]?.name ?? "");
  editor.commit(`add ${kind.label}`, graph);
  editor.select([id]);
  editor.say(`${titleOf(editor, id)} added between ${titleOf(editor, edge.source)} and ${titleOf(editor, edge.target)}`);
  focusNode(editor, id);
}

/** Adds a node after another one and connects them when that is possible. */
export function addAfter(editor: Editor, kind: string, node: string | null): void {
  if (node === null) addFree(editor, kind);
  else put(editor, kind, beside(editor, node), node);
}

function beside(editor: Editor, node: string): Point {
  const { x, y } = editor.graph.nodes.find(({ id }) => id === node)?.position ?? { x: 0, y: 0 };
  return { x: x + editor.sizeOf(node).width + GAP, y };
}

function put(editor: Editor, name: string, wish: Point, after: string | null): void {
  const kind = editor.scene.kinds.get(name);
  if (!kind || editor.scene.isReadOnly) return;
  const id = freshId(name, ids(editor.graph));
  const position = freePlace(wish, editor.sizeOf(id), editor.boxes());
  let graph = addNode(editor.graph, { ...structuredClone(kind.initial), id, kind: name, position } as GraphNode);
  const outcome = after !== null && kind.is_target ? freeOutcome(editor, after) : undefined;
  if (after !== null && outcome !== undefined) graph = connect(graph, after, outcome, id);
  editor.commit(`add ${kind.label}`, graph);
  editor.select([id]);
  const where = after === null ? "" : outcome === undefined ? `, not connected to ${titleOf(editor, after)}` : ` after ${titleOf(editor, after)}`;
  editor.say(`${titleOf(editor, id)} added${where}`);
  focusNode(editor, id);
}

/** Returns the outcome a new edge would leave by: the first that leads nowhere yet, or else the first. */
function freeOutcome(editor: Editor, node: string): string | undefined {
  const drawn = card(editor, node);
  if (!drawn?.isSource) return undefined;
  const used = new Set(editor.graph.edges.filter((edge) => edge.source === node).map((edge) => edge.when ?? ""));
  return (drawn.outcomes.find((outcome) => !used.has(outcome.name)) ?? drawn.outcomes[0])?.name;
}

// --- connecting ---

export function whyNot(editor: Editor, source: string, outcome: string, target: string): string | undefined {
  const [from, to] = [card(editor, source), card(editor, target)];
  if (!from || !to) return "There is no such step";
  if (!from.isSource) return `Nothing can follow ${from.title}`;
  if (!to.isTarget) return `Nothing can lead to ${to.title}`;
  const refused = refusal(editor.graph, source, outcome, target);
  return refused && REFUSALS[refused];
}

export function join(editor: Editor, source: string, outcome: string, target: string): void {
  const refused = whyNot(editor, source, outcome, target);
  if (refused) return editor.say(refused);
  editor.commit("connect", connect(editor.graph, source, outcome, target));
  editor.select([], [edgeKey(newEdge(source, outcome, target))]);
  editor.say(`Connected ${describe(editor, newEdge(source, outcome, target))}`);
}

/** Begins to connect from a node by keyboard: which outcome, then where to. */
export function startConnecting(editor: Editor, node: string): void {
  const drawn = card(editor, node);
  const [first, ...more] = drawn?.outcomes ?? [];
  if (!drawn?.isSource || !first) editor.say(`Nothing can follow ${titleOf(editor, node)}`);
  else if (more.length > 0) editor.set("dialog", { is: "outcome", node });
  else chooseTarget(editor, node, first.name);
}

export function chooseTarget(editor: Editor, node: string, outcome: string): void {
  if (possibleTargets(editor, node, outcome).length > 0) return editor.set("dialog", { is: "target", node, outcome });
  editor.set("dialog", null);
  editor.say("There is no step to connect to");
}

export function possibleTargets(editor: Editor, node: string, outcome: string): string[] {
  return editor.graph.nodes.map(({ id }) => id).filter((id) => whyNot(editor, node, outcome, id) === undefined);
}

/** Says an edge in words: "Input to Agent 2, approved". */
export function describe(editor: Editor, edge: GraphEdge): string {
  const from = card(editor, edge.source);
  const label = edge.when && from ? `, ${outcomeLabel(from, edge.when)}` : "";
  return `${titleOf(editor, edge.source)} to ${titleOf(editor, edge.target)}${label}`;
}

// --- deleting, copying ---

/** Deletes the selected edges and nodes, or the focused node. */
export function deleteChosen(editor: Editor): void {
  const isOnlyEdges = editor.selectedEdges.size > 0 && editor.selected.size === 0;
  deleteThese(editor, isOnlyEdges ? editor.selected : targets(editor), editor.selectedEdges);
}

export function deleteThese(editor: Editor, nodes: ReadonlySet<string>, edges: ReadonlySet<string>): void {
  if (editor.scene.isReadOnly || nodes.size + edges.size === 0) return;
  const [one] = nodes;
  const next = beforeOrAfter(editor, nodes);
  const said = nodes.size === 0
    ? counted(edges.size, "connection", "connections")
    : nodes.size === 1 && one !== undefined ? titleOf(editor, one) : counted(nodes.size, "step", "steps");
  editor.commit("delete", remove(editor.graph, nodes, edges));
  editor.say(`${said} deleted`);
  if (nodes.size > 0) focusNode(editor, next);
}

/** Returns where the focus goes when nodes are gone: to one they came from, led to, or to any other. */
function beforeOrAfter(editor: Editor, nodes: ReadonlySet<string>): string | null {
  const { edges, nodes: all } = editor.graph;
  const before = edges.find((edge) => nodes.has(edge.target) && !nodes.has(edge.source))?.source;
  const after = edges.find((edge) => nodes.has(edge.source) && !nodes.has(edge.target))?.target;
  return before ?? after ?? all.find(({ id }) => !nodes.has(id))?.id ?? null;
}

export function copied(editor: Editor): string | undefined {
  const chosen = targets(editor);
  if (chosen.size === 0) return undefined;
  editor.say(`${counted(chosen.size, "step", "steps")} copied`);
  return write(editor.graph, chosen);
}

export function paste(editor: Editor, text: string): void {
  const pasted = read(text, editor.scene.kinds);
  if (!pasted) return editor.say("The clipboard holds no steps");
  const unknown = pasted.unknown ? `; ${counted(pasted.unknown, "step", "steps")} of an unknown kind left out` : "";
  insertPart(editor, pasted.part, "paste", "pasted", unknown);
}

export function duplicate(editor: Editor, chosen = targets(editor)): void {
  insertPart(editor, part(editor.graph, chosen), "duplicate", "duplicated");
}

function insertPart(editor: Editor, copy: ReturnType<typeof part>, name: string, done: string, more = ""): void {
  if (copy.nodes.length > 0) {
    const there = new Set(editor.graph.nodes.map(({ position }) => `${position?.x} ${position?.y}`));
    let offset = COPY_OFFSET;
    const covers = () => copy.nodes.some(({ position: p }) => there.has(`${(p?.x ?? 0) + offset} ${(p?.y ?? 0) + offset}`));
    while (covers()) offset += COPY_OFFSET;
    const { graph, added } = insert(editor.graph, copy, { x: offset, y: offset });
    editor.commit(name, graph);
    editor.select(added);
    focusNode(editor, added[0] ?? null);
  }
  editor.say(`${counted(copy.nodes.length, "step", "steps")} ${done}${more}`);
}

// --- moving ---

export function moveBy(editor: Editor, step: Point, direction: string): void {
  const chosen = targets(editor);
  const moved = editor.graph.nodes.filter(({ id }) => chosen.has(id));
  if (moved.length === 0) return;
  const places = new Map(
    moved.map(({ id, position }) => [id, { x: (position?.x ?? 0) + step.x, y: (position?.y ?? 0) + step.y }]),
  );
  editor.commit("move", place(editor.graph, places), `move ${[...chosen].join(" ")}`);
  editor.say(`Moved ${direction}`);
}

export function arrangeAll(editor: Editor): void {
  if (editor.scene.isReadOnly) return;
  editor.commit("arrange", place(editor.graph, arrange(editor.graph, editor.sizeOf)));
  editor.say("Arranged");
  showAll(editor);
}

export function undo(editor: Editor): void {
  const name = editor.step("undo");
  editor.say(name ? `Undone: ${name}` : "There is nothing to undo");
}

export function redo(editor: Editor): void {
  const name = editor.step("redo");
  editor.say(name ? `Redone: ${name}` : "There is nothing to redo");
}

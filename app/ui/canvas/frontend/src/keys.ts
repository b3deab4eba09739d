// The keyboard. Only keys that do something here are kept from the page, which has shortcuts of its own.

import * as actions from "./actions.ts";
import type { Editor } from "./editor.ts";
import { focusNext } from "./focus.ts";
import type { Point } from "./model/graph.ts";
import type { Direction } from "./model/nearest.ts";
import { duration, showAll } from "./sight.ts";

const ARROWS: ReadonlyMap<string, Direction> = new Map([
  ["ArrowLeft", "left"],
  ["ArrowRight", "right"],
  ["ArrowUp", "up"],
  ["ArrowDown", "down"],
]);
const STEP = 10;
const STEPS: Record<Direction, Point> = {
  left: { x: -STEP, y: 0 },
  right: { x: STEP, y: 0 },
  up: { x: 0, y: -STEP },
  down: { x: 0, y: STEP },
};

export interface Key {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** Does what a key is for; returns whether it was one of ours. `isOnGround` is false on buttons beside the graph. */
export function press(editor: Editor, key: Key, isOnGround: boolean): boolean {
  if (key.altKey) return false;
  const action = key.ctrlKey || key.metaKey ? withControl(editor, key, isOnGround) : isOnGround ? plain(editor, key) : undefined;
  action?.();
  return action !== undefined;
}

function withControl(editor: Editor, { key, shiftKey }: Key, isOnGround: boolean): (() => void) | undefined {
  const name = key.toLowerCase();
  if (name === "f") return () => editor.set("dialog", { is: "find" });
  if (editor.scene.isReadOnly) return undefined;
  if (name === "z") return () => (shiftKey ? actions.redo(editor) : actions.undo(editor));
  if (name === "y") return () => actions.redo(editor);
  if (!isOnGround) return undefined;
  if (name === "d") return () => actions.duplicate(editor);
  if (name === "a") return () => selectAll(editor);
  return undefined;
}

function plain(editor: Editor, { key, shiftKey }: Key): (() => void) | undefined {
  const direction = ARROWS.get(key);
  if (direction && !(shiftKey && !editor.scene.isReadOnly)) return () => focusNext(editor, direction);
  if (direction) return () => actions.moveBy(editor, STEPS[direction], direction);
  return viewing(editor, key) ?? (editor.scene.isReadOnly ? undefined : editing(editor, key));
}

function viewing(editor: Editor, key: string): (() => void) | undefined {
  const { focused, flow } = editor;
  switch (key) {
    case "Enter":
      if (focused === null) return undefined;
      return editor.scene.isReadOnly ? () => editor.select([focused]) : () => actions.openForm(editor, focused);
    case " ":
      return focused === null ? undefined : () => toggle(editor, focused);
    case "/":
      return () => editor.set("dialog", { is: "find" });
    case "?":
      return () => editor.set("dialog", { is: "keys" });
    case "f":
    case "F":
      return () => showAll(editor);
    case "+":
    case "=":
      return () => void flow?.zoomIn({ duration: duration() });
    case "-":
      return () => void flow?.zoomOut({ duration: duration() });
    case "Escape":
      return editor.selected.size + editor.selectedEdges.size > 0 ? () => editor.select([]) : undefined;
    default:
      return undefined;
  }
}

function editing(editor: Editor, key: string): (() => void) | undefined {
  const node = editor.focused;
  switch (key) {
    case "a":
    case "A":
      return () => editor.set("dialog", { is: "add", node });
    case "c":
    case "C":
      return () => (node === null ? editor.say("Choose a step first") : actions.startConnecting(editor, node));
    case "e":
    case "E":
      return () => showEdges(editor, node);
    case "l":
    case "L":
      return () => actions.arrangeAll(editor);
    case "Delete":
    case "Backspace":
      return () => actions.deleteChosen(editor);
    default:
      return undefined;
  }
}

function showEdges(editor: Editor, node: string | null): void {
  const has = editor.graph.edges.some((edge) => edge.source === node || edge.target === node);
  if (has) editor.set("dialog", { is: "edges", node });
  else editor.say(node === null ? "Choose a step first" : "This step has no connections");
}

function selectAll(editor: Editor): void {
  editor.select(editor.graph.nodes.map(({ id }) => id));
  editor.say(`${editor.graph.nodes.length} selected`);
}

function toggle(editor: Editor, node: string): void {
  if (editor.scene.isReadOnly) return editor.select([node]);
  const selected = new Set(editor.selected);
  const isNew = !selected.delete(node);
  if (isNew) selected.add(node);
  editor.select(selected);
  editor.say(`${actions.titleOf(editor, node)} ${isNew ? "selected" : "no longer selected"}`);
}

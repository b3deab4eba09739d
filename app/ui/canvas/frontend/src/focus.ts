// Where the keyboard's focus is.

import type { Editor } from "./editor.ts";
import { type Direction, first, nearest } from "./model/nearest.ts";
import { safe } from "./picture.ts";
import { showNode } from "./sight.ts";

const FRAMES = 20;

/** Moves the focus to a node, and the view when the node is not seen; without a node the canvas itself gets it. */
export function focusNode(editor: Editor, id: string | null): void {
  if (id !== null) showNode(editor, id);
  focusHere(editor, id);
}

/** Moves the focus, but not the view. */
export function focusHere(editor: Editor, id: string | null): void {
  editor.set("focused", id);
  if (id === null) return editor.ground?.focus({ preventScroll: true });
  let left = FRAMES;
  const attempt = () => {
    if (editor.focused !== id) return;
    const element = elementOf(editor, id);
    element?.focus({ preventScroll: true });
    // A node that was just added, or was far away, is drawn a few frames later; a box may still be closing.
    if (!element?.matches(":focus") && left-- > 0) requestAnimationFrame(attempt);
  };
  attempt();
}

export function elementOf(editor: Editor, id: string): HTMLElement | null {
  return editor.ground?.querySelector<HTMLElement>(`.react-flow__node[data-id="${safe(id)}"]`) ?? null;
}

/** Moves the focus in a direction; returns whether there was a node. */
export function focusNext(editor: Editor, direction: Direction): boolean {
  const boxes = editor.boxes();
  const from = boxes.find((box) => box.id === editor.focused);
  const to = from ? nearest(from, boxes, direction) : first(boxes);
  if (!to) return false;
  focusNode(editor, to.id);
  return true;
}

export function firstNode(editor: Editor): string | null {
  return first(editor.boxes())?.id ?? null;
}

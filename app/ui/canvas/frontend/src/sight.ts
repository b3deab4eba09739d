// What of the graph is seen.

import { CARD_WIDTH, type Editor } from "./editor.ts";
import type { Point } from "./model/graph.ts";
import { type Box, first } from "./model/nearest.ts";

const MARGIN = 32;
const READABLE = 0.5;
const LEGIBLE = 0.6;
const NEARER = 0.8;
const DURATION_MS = 180;

/** Returns how long the view takes to move; no time at all for people who asked for less movement. */
export function duration(): number {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : DURATION_MS;
}

/** Shows the whole graph. */
export function showAll(editor: Editor): void {
  fit(editor, editor.boxes(), duration());
}

/** Shows, once, the whole graph where it can be read then; otherwise the step that is told of, or its beginning. */
export function showFirst(editor: Editor): void {
  const { flow, ground } = editor;
  if (editor.hasView || !flow || !ground?.clientWidth) return;
  editor.hasView = true;
  const boxes = editor.boxes();
  const zoom = fit(editor, boxes, 0);
  const begin = first(boxes);
  const { isReadOnly } = editor.scene;
  if (zoom >= (isReadOnly ? LEGIBLE : READABLE) || !begin) return;
  bringIn(editor, (isReadOnly && boxes.find((box) => box.id === editor.only)) || begin, NEARER, 0);
}

/** Shows a node in the middle, but no farther in than the graph reaches. */
function bringIn(editor: Editor, box: Box, zoom: number, milliseconds: number): void {
  const { flow, ground } = editor;
  if (!flow || !ground) return;
  const boxes = editor.boxes();
  const left = Math.min(...boxes.map((one) => one.x));
  const right = Math.max(...boxes.map((one) => one.x + one.width));
  const middle = ground.clientWidth / 2 - (box.x + box.width / 2) * zoom;
  const x = Math.min(MARGIN - left * zoom, Math.max(middle, ground.clientWidth - MARGIN - right * zoom));
  const y = ground.clientHeight / 2 - (box.y + box.height / 2) * zoom;
  void flow.setViewport({ x, y, zoom }, { duration: milliseconds });
}

function fit({ flow, ground }: Editor, boxes: Box[], milliseconds: number): number {
  if (!flow || !ground || boxes.length === 0) return 1;
  const left = Math.min(...boxes.map((box) => box.x));
  const top = Math.min(...boxes.map((box) => box.y));
  const width = Math.max(...boxes.map((box) => box.x + box.width)) - left;
  const height = Math.max(...boxes.map((box) => box.y + box.height)) - top;
  const room = { x: ground.clientWidth - 2 * MARGIN, y: ground.clientHeight - 2 * MARGIN };
  const zoom = Math.max(0.1, Math.min(1, room.x / width, room.y / height));
  const x = ground.clientWidth / 2 - (left + width / 2) * zoom;
  const y = ground.clientHeight / 2 - (top + height / 2) * zoom;
  void flow.setViewport({ x, y, zoom }, { duration: milliseconds });
  return zoom;
}

/** Moves the view to a node unless all of it is seen. */
export function showNode(editor: Editor, id: string): void {
  const box = editor.boxes().find((candidate) => candidate.id === id);
  const { flow, ground } = editor;
  if (!box || !flow || !ground) return;
  const { zoom, x, y } = flow.getViewport();
  const left = box.x * zoom + x;
  const top = box.y * zoom + y;
  const isSeen =
    left >= 0 &&
    top >= 0 &&
    left + box.width * zoom <= ground.clientWidth &&
    top + box.height * zoom <= ground.clientHeight;
  if (isSeen) return;
  if (editor.scene.isReadOnly) bringIn(editor, box, Math.max(READABLE, zoom), duration());
  else centre(editor, id);
}

/** Moves a node to the middle, near enough to be read. */
export function centre(editor: Editor, id: string): void {
  const box = editor.boxes().find((candidate) => candidate.id === id);
  if (!box) return;
  const zoom = Math.max(READABLE, editor.flow?.getZoom() ?? 1);
  void editor.flow?.setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom, duration: duration() });
}

/** Returns where a node stands in the middle of what is seen. */
export function middleOfView({ flow, ground }: Editor): Point {
  const box = ground?.getBoundingClientRect();
  if (!box || !flow) return { x: 0, y: 0 };
  const { x, y } = flow.screenToFlowPosition({ x: box.left + box.width / 2, y: box.top + box.height / 2 });
  return { x: x - CARD_WIDTH / 2, y: y - 32 };
}

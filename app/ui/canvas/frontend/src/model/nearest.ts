// Where the arrow keys lead.

import type { Point } from "./graph.ts";

export type Direction = "left" | "right" | "up" | "down";

export interface Box extends Point {
  id: string;
  width: number;
  height: number;
}

const STEPS: Record<Direction, Point> = {
  left: { x: -1, y: 0 },
  right: { x: 1, y: 0 },
  up: { x: 0, y: -1 },
  down: { x: 0, y: 1 },
};

/** Returns the box that lies nearest in a direction: one straight ahead is nearer than one to the side. */
export function nearest(from: Box, boxes: Iterable<Box>, direction: Direction): Box | undefined {
  const step = STEPS[direction];
  let best: Box | undefined;
  let least = Infinity;
  for (const box of boxes) {
    if (box.id === from.id) continue;
    const dx = box.x + box.width / 2 - from.x - from.width / 2;
    const dy = box.y + box.height / 2 - from.y - from.height / 2;
    const ahead = dx * step.x + dy * step.y;
    const aside = Math.abs(dx * step.y) + Math.abs(dy * step.x);
    const cost = ahead + 2 * aside;
    if (ahead > 1 && cost < least) {
      least = cost;
      best = box;
    }
  }
  return best;
}

/** Returns the box where reading begins: the leftmost one, the upper of two. */
export function first(boxes: Iterable<Box>): Box | undefined {
  let best: Box | undefined;
  for (const box of boxes) {
    if (!best || box.x < best.x || (box.x === best.x && box.y < best.y)) best = box;
  }
  return best;
}

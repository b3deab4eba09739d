// Words that people read and hear.

import type { Refusal } from "./model/edit.ts";

const STATUSES = new Map([
  ["pending", "Pending"],
  ["running", "Running"],
  ["waiting", "Waiting"],
  ["succeeded", "Succeeded"],
  ["failed", "Failed"],
  ["skipped", "Skipped"],
  ["cancelled", "Cancelled"],
  ["in_doubt", "In doubt"],
]);

export const statusText = (status: string) => STATUSES.get(status) ?? (status || "Unknown");

export const REFUSALS: Record<Refusal, string> = {
  itself: "A step cannot lead to itself",
  already: "They are connected already",
  circle: "That would lead in a circle",
};

/** The sheet behind "?": what each key does. */
export const KEYS: readonly (readonly [string, string])[] = [
  ["Arrows", "Go to the next step in that direction"],
  ["Enter", "Open the step's form"],
  ["Space", "Select the step, or not any more"],
  ["Shift + arrows", "Move the step"],
  ["A", "Add a step after this one"],
  ["C", "Connect the step to another one"],
  ["E", "Show the step's connections and delete one"],
  ["Delete", "Delete the step, or what is selected"],
  ["Ctrl + C, X, V", "Copy, cut, paste"],
  ["Ctrl + D", "Duplicate"],
  ["Ctrl + A", "Select everything"],
  ["Ctrl + Z", "Undo"],
  ["Ctrl + Y", "Redo"],
  ["/ or Ctrl + F", "Find a step"],
  ["L", "Arrange all steps"],
  ["F", "Show everything"],
  ["+ and −", "Zoom"],
  ["Esc", "Select nothing"],
  ["?", "Show these keys"],
];

/** What holds while a run is shown. */
export const READ_ONLY_KEYS: typeof KEYS = [
  ["Enter", "Show the step"],
  ...KEYS.filter(([key]) => /^(Arrows|\/|F$|\+|Esc|\?)/.test(key)),
];

export const counted = (count: number, one: string, many: string) => (count === 1 ? `1 ${one}` : `${count} ${many}`);

// Undo and redo. A step is taken back by merging it out of the graph as it is now, so changes that Python has made in
// between stay.

import type { Graph } from "./graph.ts";
import { merge } from "./merge.ts";

interface Step {
  name: string;
  before: Graph;
  after: Graph;
  /** Steps of one movement share a key and count as one. */
  key?: string;
}

export interface Outcome {
  name: string;
  graph: Graph;
}

const LIMIT = 200;

export class History {
  #done: Step[] = [];
  #undone: Step[] = [];

  get canUndo(): boolean {
    return this.#done.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  record(step: Step): void {
    const last = this.#done.at(-1);
    if (step.key !== undefined && last?.key === step.key && this.#undone.length === 0) last.after = step.after;
    else this.#done.push(step);
    if (this.#done.length > LIMIT) this.#done.shift();
    this.#undone = [];
  }

  undo(now: Graph): Outcome | undefined {
    const step = this.#done.pop();
    if (!step) return undefined;
    this.#undone.push(step);
    return { name: step.name, graph: merge(step.after, step.before, now) };
  }

  redo(now: Graph): Outcome | undefined {
    const step = this.#undone.pop();
    if (!step) return undefined;
    this.#done.push({ ...step, key: undefined });
    return { name: step.name, graph: merge(step.before, step.after, now) };
  }
}

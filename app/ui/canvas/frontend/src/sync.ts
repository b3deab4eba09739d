// The working copy and its way to Python. The browser is ahead of Python while somebody works, and Python is ahead when
// a form, an import or another person has changed the draft; neither may undo the other.

import { type Graph, sameGraph } from "./model/graph.ts";
import { merge } from "./model/merge.ts";

export interface Sent {
  graph: Graph | null;
  base_revision: number;
  number: number;
  opened: string | null;
  opening: number;
  selected: string | null;
  telling: number;
}

/** What Python says about the conversation with each drawing. */
export interface Told {
  graph: Graph;
  revision: number;
  /** The newest change that the page has dealt with. */
  settled: number;
  /** The newest change and form request of this tab, so that counting goes on after the canvas was built anew. */
  number: number;
  opening: number;
  telling: number;
}

export class Sync {
  graph: Graph;
  #revision: number;
  #number: number;
  #opening: number;
  #telling: number;
  /** Sent graphs by number, from the newest settled one on; the first is what Python started from. */
  readonly #sent = new Map<number, Graph>();
  #last: { graph: Graph | null; base_revision: number; number: number };

  constructor(told: Told) {
    this.graph = told.graph;
    this.#revision = told.revision;
    this.#number = told.number;
    this.#opening = told.opening;
    this.#telling = told.telling;
    this.#sent.set(told.number, told.graph);
    this.#last = { graph: null, base_revision: told.revision, number: told.number };
  }

  /** Whether the working copy holds something that was never sent, or must be sent again. */
  get isDirty(): boolean {
    return this.#sent.get(this.#number) !== this.graph;
  }

  change(graph: Graph): void {
    this.graph = graph;
  }

  /** Takes in what Python drew; returns whether the working copy has become another one. */
  receive(told: Told): boolean {
    this.#forgetBefore(told.settled);
    if (told.revision <= this.#revision) return false;
    this.#revision = told.revision;
    const base = this.#known(told.settled);
    if (sameGraph(base, told.graph)) return false;
    const merged = merge(base, this.graph, told.graph);
    const changed = !sameGraph(merged, this.graph);
    if (changed) this.graph = merged;
    this.#sent.clear();
    // Changes on top of what Python has make the copy dirty: they go out once more, based on the new revision.
    this.#sent.set(this.#number, sameGraph(merged, told.graph) ? this.graph : told.graph);
    return changed;
  }

  /** Takes over what Python drew, whatever stands here: nobody can work on it. */
  replace(told: Told): boolean {
    this.#revision = Math.max(this.#revision, told.revision);
    const isNew = !sameGraph(this.graph, told.graph);
    if (isNew) this.graph = told.graph;
    this.#sent.clear();
    this.#sent.set(this.#number, this.graph);
    return isNew;
  }

  /** Returns the message to send now. */
  message(selected: string | null, opened: string | null = null): Sent {
    if (this.isDirty) {
      this.#number += 1;
      this.#sent.set(this.#number, this.graph);
      this.#last = { graph: this.graph, base_revision: this.#revision, number: this.#number };
    }
    if (opened !== null) this.#opening += 1;
    this.#telling += 1;
    return { ...this.#last, opened, opening: this.#opening, selected, telling: this.#telling };
  }

  #known(settled: number): Graph {
    let found = this.#sent.values().next().value ?? this.graph;
    for (const [number, graph] of this.#sent) if (number <= settled) found = graph;
    return found;
  }

  #forgetBefore(settled: number): void {
    const numbers = [...this.#sent.keys()].filter((number) => number <= settled);
    for (const number of numbers.slice(0, -1)) this.#sent.delete(number);
  }
}

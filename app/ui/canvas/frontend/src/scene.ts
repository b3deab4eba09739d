// What Python wants drawn, besides the graph. Parts that have not changed stay the same objects, so that nothing is
// drawn again without need.

import { type Graph, type GraphNode, asList, isRecord, readGraph, sameValue } from "./model/graph.ts";
import type { Told } from "./sync.ts";

export interface Outcome {
  name: string;
  label: string;
}

export interface Kind {
  name: string;
  label: string;
  icon: string;
  group: string;
  help: string;
  initial: Record<string, unknown>;
  outcomes: Outcome[];
  is_source: boolean;
  is_target: boolean;
}

export interface Face {
  title: string;
  subtitle: string;
  outcomes: Outcome[];
  problems: string[];
  warnings: string[];
  is_source: boolean;
  is_target: boolean;
}

export interface State {
  status: string;
  cost: string;
  duration: string;
  note: string;
  is_cached: boolean;
}

/** The data as `app/ui/canvas/payload.py` makes it. */
export interface Data extends Omit<Told, "graph"> {
  key: string;
  graph: unknown;
  kinds: Kind[];
  faces: [string, Face][];
  states: [string, State][] | null;
  selected: string | null;
  /** How often the page has wished that another node be selected. */
  wishes: number;
  is_read_only: boolean;
  height: number;
}

export interface Scene {
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly groups: readonly string[];
  readonly faces: ReadonlyMap<string, Face>;
  readonly states: ReadonlyMap<string, State> | null;
  readonly isReadOnly: boolean;
  readonly height: number;
}

export function readScene(data: Data, before?: Scene): Scene {
  const kinds = keep(new Map(data.kinds.map((kind) => [kind.name, kind])), before?.kinds);
  return {
    kinds,
    groups: kinds === before?.kinds ? before.groups : [...new Set(data.kinds.map((kind) => kind.group))],
    faces: keep(new Map(data.faces), before?.faces),
    states: data.states && keep(new Map(data.states), before?.states ?? undefined),
    isReadOnly: data.is_read_only,
    height: data.height,
  };
}

function keep<T>(now: Map<string, T>, before: ReadonlyMap<string, T> | undefined): ReadonlyMap<string, T> {
  if (!before) return now;
  let isSame = now.size === before.size;
  for (const [name, value] of now) {
    const old = before.get(name);
    if (old !== undefined && sameValue(old, value)) now.set(name, old);
    else isSame = false;
  }
  return isSame ? before : now;
}

/** Returns the graph in `data`. */
export function graphOf(data: Data): Graph {
  return readGraph(data.graph);
}

/** Returns how a node connects: as its face says, or as its kind does while it has none. */
export function connectorsOf(scene: Scene, node: GraphNode): Pick<Face, "outcomes" | "is_source" | "is_target"> {
  return scene.faces.get(node.id) ?? scene.kinds.get(node.kind) ?? ANY;
}

const ANY = { outcomes: [], is_source: true, is_target: true };

/** Returns whether `value` is what Streamlit hands over for a canvas. */
export function isData(value: unknown): value is Data {
  return isRecord(value) && Array.isArray(value.kinds) && asList(value.faces) === value.faces && isRecord(value.graph);
}

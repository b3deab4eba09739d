// What one canvas knows and holds. Views read it with `useEditor`; `actions.ts` has what a person can do.

import { type NodeChange, type ReactFlowInstance, applyNodeChanges } from "@xyflow/react";
import { useSyncExternalStore } from "react";
import { ids, place } from "./model/edit.ts";
import { type Graph, type Point, edgesByKey, sameGraph } from "./model/graph.ts";
import { History } from "./model/history.ts";
import type { Size } from "./model/layout.ts";
import type { Box } from "./model/nearest.ts";
import { withPlaces } from "./model/space.ts";
import { type CardNode, type WayEdge, drawEdges, drawNodes } from "./picture.ts";
import { type Data, type Scene, graphOf, readScene } from "./scene.ts";
import { type Sent, Sync, type Told } from "./sync.ts";

export const CARD_WIDTH = 208;
const PAUSE_MS = 300;

/** A box to choose from, or a sheet, that lies over the canvas. */
export type Dialog =
  | { is: "palette" }
  | { is: "keys" }
  | Question;

export type Question =
  | { is: "find" }
  | { is: "add" | "edges"; node: string | null }
  | { is: "outcome"; node: string }
  | { is: "target"; node: string; outcome: string };

export class Editor {
  scene: Scene;
  nodes: CardNode[] = [];
  edges: WayEdge[] = [];
  selected: ReadonlySet<string> = new Set();
  selectedEdges: ReadonlySet<string> = new Set();
  /** The node that has the keyboard's focus, or had it last. */
  focused: string | null = null;
  dialog: Dialog | null = null;
  spoken = { text: "", count: 0 };
  isNarrow = false;
  isPaletteOpen = true;
  /** Whether dragging on the ground selects instead of moving the view. */
  isBoxing = false;
  flow: ReactFlowInstance<CardNode, WayEdge> | null = null;
  /** Whether the view was set when the canvas came up. */
  hasView = false;
  /** Where the canvas stands in the document. */
  ground: HTMLElement | null = null;
  data: Data;
  readonly history = new History();

  #sync: Sync;
  #send: (message: Sent) => void = () => undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #toldSelection: string | null = null;
  #listeners = new Set<() => void>();

  constructor(data: Data) {
    this.data = data;
    this.scene = readScene(data);
    this.#sync = new Sync({ ...data, graph: withPlaces(graphOf(data), new Map(), this.sizeOf) });
    this.#select(data.selected);
    this.#redraw();
  }

  get graph(): Graph {
    return this.#sync.graph;
  }

  /** The one selected node, or null when there is none or several. */
  get only(): string | null {
    const [one, ...more] = this.selected;
    return one !== undefined && more.length === 0 ? one : null;
  }

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Says that something has changed. */
  emit(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  set<K extends "dialog" | "isNarrow" | "isPaletteOpen" | "isBoxing" | "focused">(name: K, value: Editor[K]): void {
    if (this[name] === value) return;
    (this as Editor)[name] = value;
    this.emit();
  }

  /** Shows a sentence and lets screen readers say it. */
  say(text: string): void {
    this.spoken = { text, count: this.spoken.count + 1 };
    this.emit();
  }

  // --- Python ---

  listen(send: (message: Sent) => void): void {
    this.#send = send;
  }

  receive(data: Data): void {
    const before = this.scene;
    const { wishes } = this.data;
    this.data = data;
    this.scene = readScene(data, before);
    const places = new Map(this.graph.nodes.flatMap((node) => (node.position ? [[node.id, node.position]] : [])));
    const told: Told = { ...data, graph: withPlaces(graphOf(data), places, this.sizeOf) };
    if (this.scene.isReadOnly) this.#sync.replace(told);
    else if (this.#sync.receive(told) || this.#sync.isDirty) this.#sendSoon();
    if (data.wishes > wishes) this.#select(data.selected);
    const { focused } = this;
    this.#redraw();
    // A form may give its node another id: the focus goes on with the node that is selected instead.
    if (focused !== null && this.focused === null) this.focused = this.only;
    this.emit();
  }

  /** Sends what was not sent yet. */
  flush = (): void => {
    clearTimeout(this.#timer);
    if (this.#sync.isDirty && !this.scene.isReadOnly) this.#tell(null);
  };

  /** Sends it, and what is selected, before the person does something else on the page. */
  leave(): void {
    if (this.only === this.#toldSelection) this.flush();
    else this.#tell(null);
  }

  /** Asks for the form of a node; changes before it go along. */
  open(node: string): void {
    this.#tell(node);
  }

  #tell(opened: string | null): void {
    clearTimeout(this.#timer);
    this.#toldSelection = this.only;
    this.#send(this.#sync.message(this.only, opened));
  }

  #sendSoon(): void {
    clearTimeout(this.#timer);
    if (this.#sync.isDirty) this.#timer = setTimeout(this.flush, PAUSE_MS);
  }

  // --- changes ---

  /** Makes `graph` the working copy as one step of the history; returns whether it is another one. */
  commit(name: string, graph: Graph, key?: string): boolean {
    const before = this.graph;
    if (this.scene.isReadOnly || sameGraph(before, graph)) return false;
    this.history.record({ name, before, after: graph, key });
    this.#become(graph);
    return true;
  }

  /** Takes a step back, or does it again; returns its name, or undefined when there is none. */
  step(direction: "undo" | "redo"): string | undefined {
    if (this.scene.isReadOnly) return undefined;
    const outcome = this.history[direction](this.graph);
    if (outcome) this.#become(outcome.graph);
    return outcome?.name;
  }

  #become(graph: Graph): void {
    this.#sync.change(graph);
    this.#sendSoon();
    this.#redraw();
    this.emit();
  }

  select(nodes: Iterable<string>, edges: Iterable<string> = []): void {
    this.selected = new Set(nodes);
    this.selectedEdges = new Set(edges);
    this.#redraw();
    this.emit();
    if (this.scene.isReadOnly && this.only !== null && this.only !== this.#toldSelection) this.#tell(null);
  }

  #select(node: string | null): void {
    this.selected = new Set(node === null ? [] : [node]);
    this.selectedEdges = new Set();
    this.#toldSelection = node;
  }

  /** Draws what has changed; forgets what is gone. */
  #redraw(): void {
    const there = ids(this.graph);
    const drawn = edgesByKey(this.graph);
    if ([...this.selected].some((id) => !there.has(id))) {
      this.selected = new Set([...this.selected].filter((id) => there.has(id)));
    }
    if ([...this.selectedEdges].some((key) => !drawn.has(key))) {
      this.selectedEdges = new Set([...this.selectedEdges].filter((key) => drawn.has(key)));
    }
    if (this.focused !== null && !there.has(this.focused)) this.focused = null;
    this.nodes = keepList(this.nodes, drawNodes(this.graph, this.scene, this.nodes, this.selected));
    this.edges = keepList(this.edges, drawEdges(this.graph, this.nodes, this.edges, this.selectedEdges));
  }

  // --- React Flow ---

  /** Takes in what React Flow has measured, moved and selected. A drag becomes a step of the history when it ends. */
  changeNodes = (changes: NodeChange<CardNode>[]): void => {
    const byFlowId = new Map(this.nodes.map((node) => [node.id, node.data.id]));
    this.nodes = applyNodeChanges(changes, this.nodes);
    const dropped = changes.some((change) => change.type === "position" && change.dragging === false);
    const selects = changes.filter((change) => change.type === "select");
    if (selects.length > 0) {
      const selected = new Set(this.selected);
      for (const { id, selected: isSelected } of selects) {
        const node = byFlowId.get(id);
        if (node === undefined) continue;
        if (isSelected) selected.add(node);
        else selected.delete(node);
      }
      this.select(selected, this.selectedEdges);
    }
    if (dropped) this.commit("move", place(this.graph, new Map(this.nodes.map((node) => [node.data.id, rounded(node.position)]))));
    this.emit();
  };

  /** Returns how big a node is drawn, or about how big it will be. */
  sizeOf = (id: string): Size => {
    const node = this.nodes.find((drawn) => drawn.data.id === id);
    return (node && measured(node)) ?? this.#guess(id);
  };

  boxes(): Box[] {
    return this.nodes.map((node) => {
      const { id } = node.data;
      return { id, ...node.position, ...(measured(node) ?? this.#guess(id)) };
    });
  }

  #guess(id: string): Size {
    const outcomes = this.scene.faces.get(id)?.outcomes.length ?? 0;
    return { width: CARD_WIDTH, height: 64 + (outcomes > 1 ? 24 * outcomes : 0) };
  }
}

function measured({ measured: size }: CardNode): Size | undefined {
  return size?.width && size.height ? { width: size.width, height: size.height } : undefined;
}

const rounded = ({ x, y }: Point): Point => ({ x: Math.round(x), y: Math.round(y) });

function keepList<T>(before: T[], now: T[]): T[] {
  return before.length === now.length && now.every((item, index) => item === before[index]) ? before : now;
}

/** Reads something of the editor in a component, which is drawn again when it becomes another thing. */
export function useEditor<T>(editor: Editor, read: (editor: Editor) => T): T {
  return useSyncExternalStore(editor.subscribe, () => read(editor));
}

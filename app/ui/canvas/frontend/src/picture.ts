// The graph and the scene as React Flow draws them. Unchanged nodes and edges stay the same objects.

import { type Edge, MarkerType, type Node } from "@xyflow/react";
import { type Graph, type GraphEdge, type GraphNode, edgeKey, sameValue } from "./model/graph.ts";
import { type Outcome, type Scene, type State, connectorsOf } from "./scene.ts";
import { statusText } from "./words.ts";

export interface CardData extends Record<string, unknown> {
  id: string;
  title: string;
  subtitle: string;
  kind: string;
  icons: string[];
  hue: number;
  outcomes: Outcome[];
  isSource: boolean;
  isTarget: boolean;
  problems: string[];
  warnings: string[];
  state: State | null;
  isReadOnly: boolean;
}

export type CardNode = Node<CardData, "card">;
export type WayEdge = Edge<{ key: string; label: string }, "way">;

export const TARGET = "in";
export const handleOf = (outcome: string) => `out-${safe(outcome)}`;

const HUES = 6;
const LONGEST_TITLE = 120;
const LONGEST_TEXT = 240;
const LONGEST_LABEL = 28;

/** React Flow looks things up by selectors made from ids: ours may be any text, so it gets another one for them. */
export function safe(id: string): string {
  return id.replace(/[^A-Za-z0-9_-]/g, (letter) => `~${letter.charCodeAt(0).toString(16)}~`);
}

export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`;
}

export function drawNodes(graph: Graph, scene: Scene, before: readonly CardNode[], selected: ReadonlySet<string>): CardNode[] {
  const old = new Map(before.map((node) => [node.data.id, node]));
  const outcomes = usedOutcomes(graph);
  const reached = new Set(graph.edges.map((edge) => edge.target));
  return graph.nodes.map((node) => {
    const was = old.get(node.id);
    const made = cardData(node, scene, outcomes.get(node.id) ?? [], reached.has(node.id));
    const data = was && sameValue(was.data, made) ? was.data : made;
    const position = node.position ?? { x: 0, y: 0 };
    const isSelected = selected.has(node.id);
    if (was && was.data === data && was.selected === isSelected && sameValue(was.position, position)) return was;
    return {
      ...was,
      id: safe(node.id),
      type: "card",
      position,
      data,
      selected: isSelected,
      ariaRole: "group",
      ariaLabel: nameOf(data),
      domAttributes: {
        tabIndex: -1,
        "aria-roledescription": "step",
        "aria-describedby": data.problems.length + data.warnings.length ? problemsId(node.id) : undefined,
      },
    };
  });
}

export const problemsId = (id: string) => `problems-${safe(id)}`;

function nameOf(data: CardData): string {
  const count = data.problems.length;
  const problems = count === 0 ? [] : [count === 1 ? "1 problem" : `${count} problems`];
  const status = data.state ? [statusText(data.state.status)] : [];
  return [data.title, data.kind, ...status, ...problems].join(", ");
}

function cardData(node: GraphNode, scene: Scene, used: string[], isReached: boolean): CardData {
  const kind = scene.kinds.get(node.kind);
  const face = scene.faces.get(node.id);
  const label = kind?.label ?? (cut(node.kind, LONGEST_LABEL) || "Unknown");
  const { outcomes, is_source: isSource, is_target: isTarget } = connectorsOf(scene, node);
  const own = outcomes.length ? outcomes : isSource ? [{ name: "", label: "" }] : [];
  // An edge may leave by an outcome that its node does not have (any more); it is drawn all the same.
  const odd = used.filter((name) => !own.some((outcome) => outcome.name === name));
  const states = scene.states;
  return {
    id: node.id,
    title: cut(face?.title || titleWithoutFace(node, label), LONGEST_TITLE),
    subtitle: cut(face?.subtitle ?? "", LONGEST_TEXT),
    kind: label,
    icons: [kind?.icon ?? "", node.kind],
    hue: kind ? scene.groups.indexOf(kind.group) % HUES : -1,
    outcomes: [...own, ...odd.map((name) => ({ name, label: name }))],
    isSource: isSource || used.length > 0,
    isTarget: isTarget || isReached,
    problems: sentences(face?.problems),
    warnings: sentences(face?.warnings),
    state: states && (states.get(node.id) ?? { status: "pending", cost: "", duration: "", note: "", is_cached: false }),
    isReadOnly: scene.isReadOnly,
  };
}

const sentences = (texts: string[] = []) => texts.map((text) => cut(text, LONGEST_TEXT));

function titleWithoutFace(node: GraphNode, kind: string): string {
  if (typeof node.label === "string" && node.label) return node.label;
  const number = /_(\d+)$/.exec(node.id)?.[1];
  return number && number !== "1" ? `${kind} ${number}` : kind;
}

function usedOutcomes(graph: Graph): Map<string, string[]> {
  const used = new Map<string, string[]>();
  for (const { source, when } of graph.edges) {
    const names = used.get(source);
    if (!names) used.set(source, [when ?? ""]);
    else if (!names.includes(when ?? "")) names.push(when ?? "");
  }
  return used;
}

export function drawEdges(
  graph: Graph,
  nodes: readonly CardNode[],
  before: readonly WayEdge[],
  selected: ReadonlySet<string>,
): WayEdge[] {
  const cards = new Map(nodes.map((node) => [node.data.id, node.data]));
  const old = new Map(before.map((edge) => [edge.id, edge]));
  return graph.edges.flatMap((edge) => {
    const [source, target] = [cards.get(edge.source), cards.get(edge.target)];
    if (!source || !target) return [];
    const made = drawEdge(edge, source, target, selected.has(edgeKey(edge)));
    const was = old.get(made.id);
    return was && sameValue(was, made) ? was : made;
  });
}

function drawEdge(edge: GraphEdge, source: CardData, target: CardData, isSelected: boolean): WayEdge {
  const key = edgeKey(edge);
  const way = progress(source.state?.status, target.state?.status);
  const label = edge.when ? cut(outcomeLabel(source, edge.when), LONGEST_LABEL) : "";
  return {
    id: safe(key),
    type: "way",
    source: safe(edge.source),
    target: safe(edge.target),
    sourceHandle: handleOf(edge.when ?? ""),
    targetHandle: TARGET,
    data: { key, label },
    selected: isSelected,
    className: `way-${way}`,
    animated: way === "running",
    markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: `var(--way-${isSelected ? "selected" : way})` },
    focusable: false,
    interactionWidth: 24,
    ariaLabel: `From ${source.title} to ${target.title}${label && `, ${label}`}`,
  };
}

export function outcomeLabel(card: CardData, name: string): string {
  return card.outcomes.find((outcome) => outcome.name === name)?.label || name;
}

function progress(source: string | undefined, target: string | undefined): "open" | "running" | "done" | "skipped" {
  if (source === undefined || target === undefined) return "open";
  if (target === "skipped" || source === "skipped") return "skipped";
  if (source !== "succeeded" || target === "pending") return "open";
  return target === "running" ? "running" : "done";
}

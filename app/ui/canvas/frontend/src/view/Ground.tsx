// The graph itself, drawn by React Flow; what it reports goes to the editor.

import {
  Background,
  type Connection,
  ControlButton,
  Controls,
  type EdgeChange,
  type FinalConnectionState,
  MiniMap,
  ReactFlow,
  type ReactFlowProps,
  SelectionMode,
  useStoreApi,
} from "@xyflow/react";
import { type DragEvent, type FocusEvent, useEffect, useMemo, useRef } from "react";
import * as actions from "../actions.ts";
import { type Editor, useEditor } from "../editor.ts";
import { firstNode, focusHere, focusNode } from "../focus.ts";
import { type GraphEdge, edgeKey } from "../model/graph.ts";
import { showAll, showFirst } from "../sight.ts";
import { type CardNode, type WayEdge, handleOf } from "../picture.ts";
import { Card } from "./Card.tsx";
import { Sign } from "./Icon.tsx";
import { DRAGGED_KIND } from "./Palette.tsx";
import { Way } from "./Way.tsx";

const NODE_TYPES = { card: Card };
const EDGE_TYPES = { way: Way };
const GRID: [number, number] = [10, 10];
const BOTH = ["Control", "Meta", "Shift"];
const NAMES = {
  "controls.ariaLabel": "View",
  "controls.zoomIn.ariaLabel": "Zoom in",
  "controls.zoomOut.ariaLabel": "Zoom out",
  "minimap.ariaLabel": "Overview",
};
// Drawing only what is seen costs a little with each movement, and saves more the more there is.
const MANY = 80;

export function Ground({ editor, isDark }: { editor: Editor; isDark: boolean }) {
  const nodes = useEditor(editor, (held) => held.nodes);
  const edges = useEditor(editor, (held) => held.edges);
  const isReadOnly = useEditor(editor, (held) => held.scene.isReadOnly);
  const isNarrow = useEditor(editor, (held) => held.isNarrow);
  const isBoxing = useEditor(editor, (held) => held.isBoxing && !held.scene.isReadOnly);
  const ground = useRef<HTMLDivElement>(null);
  useEffect(() => {
    editor.ground = ground.current;
  }, [editor]);

  // The same functions with each drawing: React Flow draws every node again when it gets another one.
  const handlers = useMemo(() => handlersOf(editor), [editor]);
  return (
    <ReactFlow<CardNode, WayEdge>
      ref={ground}
      className={nodes.length > MANY ? "ground is-large" : "ground"}
      aria-label={isReadOnly ? "Steps of the run" : "Steps. Press question mark for the keys."}
      tabIndex={0}
      {...handlers}
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      colorMode={isDark ? "dark" : "light"}
      nodesDraggable={!isReadOnly}
      nodesConnectable={!isReadOnly}
      edgesReconnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      disableKeyboardA11y
      deleteKeyCode={null}
      panActivationKeyCode={null}
      selectionKeyCode={isReadOnly ? null : "Shift"}
      multiSelectionKeyCode={isReadOnly ? null : BOTH}
      selectionMode={SelectionMode.Partial}
      selectionOnDrag={isBoxing}
      panOnDrag={!isBoxing}
      zoomOnDoubleClick={false}
      selectNodesOnDrag
      elevateEdgesOnSelect
      snapToGrid
      snapGrid={GRID}
      minZoom={0.1}
      maxZoom={2}
      connectionRadius={28}
      onlyRenderVisibleElements={nodes.length > MANY}
      ariaLabelConfig={NAMES}
    >
      <Background gap={20} />
      <Controls showInteractive={false} showFitView={false}>
        <ControlButton onClick={() => showAll(editor)} title="Show everything" aria-label="Show everything">
          <Sign name="fit" />
        </ControlButton>
      </Controls>
      {!isNarrow && <MiniMap<CardNode> pannable zoomable nodeClassName={miniClass} />}
      <CancelConnecting editor={editor} />
    </ReactFlow>
  );
}

const miniClass = (node: CardNode) => `mini-${node.data.state?.status ?? "step"}`;

function handlersOf(editor: Editor) {
  return {
    onInit: (flow) => {
      editor.flow = flow;
      showFirst(editor);
    },
    onFocus: (event) => enter(editor, event),
    onBlur: leave,
    onDrop: (event) => drop(editor, event),
    onDragOver: (event) => event.dataTransfer.types.includes(DRAGGED_KIND) && event.preventDefault(),
    onNodesChange: editor.changeNodes,
    onNodeClick: (_, node) => focusHere(editor, node.data.id),
    onNodeDoubleClick: (_, node) => actions.openForm(editor, node.data.id),
    onNodeDragStart: (_, node) => focusHere(editor, node.data.id),
    onPaneClick: () => focusHere(editor, null),
    onEdgeClick: () => focusHere(editor, null),
    onEdgesChange: (changes) => selectEdges(editor, changes),
    onConnect: (connection) => join(editor, connection),
    isValidConnection: (connection) => refusalOf(editor, connection as Connection) === undefined,
    onConnectEnd: (_, state) => explain(editor, state),
    onClickConnectEnd: (_, state) => explain(editor, state),
    onClickConnectStart: () => editor.say("Choose where it leads"),
    onMoveEnd: (_, { zoom }) => editor.ground?.style.setProperty("--unzoom", String(Math.max(1, 1 / zoom))),
  } satisfies ReactFlowProps<CardNode, WayEdge>;
}

function drop(editor: Editor, event: DragEvent): void {
  const kind = event.dataTransfer.getData(DRAGGED_KIND);
  if (!kind || !editor.flow) return;
  event.preventDefault();
  const at = editor.flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
  actions.addAt(editor, kind, at, edgeUnder(editor, event.target));
}

function edgeUnder(editor: Editor, target: EventTarget): GraphEdge | undefined {
  const drawn = target instanceof Element ? target.closest(".react-flow__edge")?.getAttribute("data-id") : undefined;
  const key = editor.edges.find((edge) => edge.id === drawn)?.data?.key;
  return editor.graph.edges.find((edge) => edgeKey(edge) === key);
}

/** Coming by Tab, the focus goes on to a node; `tabIndex` makes way so that Shift+Tab leads out again. */
function enter(editor: Editor, event: FocusEvent<HTMLDivElement>): void {
  const ground = event.currentTarget;
  ground.tabIndex = -1;
  if (event.target !== ground || !ground.matches(":focus-visible")) return;
  const node = editor.focused ?? editor.only ?? firstNode(editor);
  if (node !== null) focusNode(editor, node);
}

function leave(event: FocusEvent<HTMLDivElement>): void {
  const goesTo = event.relatedTarget;
  if (!(goesTo instanceof Node && event.currentTarget.contains(goesTo))) event.currentTarget.tabIndex = 0;
}

function selectEdges(editor: Editor, changes: EdgeChange<WayEdge>[]): void {
  const keys = new Map(editor.edges.map((edge) => [edge.id, edge.data?.key ?? ""]));
  const selected = new Set(editor.selectedEdges);
  for (const change of changes) {
    const key = change.type === "select" ? keys.get(change.id) : undefined;
    if (key === undefined || change.type !== "select") continue;
    if (change.selected) selected.add(key);
    else selected.delete(key);
  }
  editor.select(editor.selected, selected);
}

/** Returns our own names for what React Flow calls a connection. */
function ends(editor: Editor, connection: Connection): [string, string, string] | undefined {
  const source = editor.nodes.find((node) => node.id === connection.source)?.data;
  const target = editor.nodes.find((node) => node.id === connection.target)?.data;
  const outcome = source?.outcomes.find(({ name }) => handleOf(name) === connection.sourceHandle);
  return source && target && outcome ? [source.id, outcome.name, target.id] : undefined;
}

function refusalOf(editor: Editor, connection: Connection): string | undefined {
  const found = ends(editor, connection);
  return found ? actions.whyNot(editor, ...found) : "There is no such step";
}

function join(editor: Editor, connection: Connection): void {
  const found = ends(editor, connection);
  if (found) actions.join(editor, ...found);
}

/** Says why nothing was connected. */
function explain(editor: Editor, state: FinalConnectionState): void {
  if (state.isValid !== false || !state.toNode || !state.fromHandle || !state.toHandle) return;
  const [from, to] = state.fromHandle.type === "source" ? [state.fromHandle, state.toHandle] : [state.toHandle, state.fromHandle];
  if (from.type === to.type) return editor.say("Connect the right side of a step to the left side of another");
  const connection = { source: from.nodeId, sourceHandle: from.id ?? null, target: to.nodeId, targetHandle: to.id ?? null };
  const refused = refusalOf(editor, connection);
  if (refused) editor.say(refused);
}

/** Escape, or a click beside the steps, ends a connection that was begun with a click. */
function CancelConnecting({ editor }: { editor: Editor }) {
  const store = useStoreApi();
  useEffect(() => {
    const ground = editor.ground;
    const cancel = (event: Event) => {
      const isOver = event instanceof KeyboardEvent ? event.key === "Escape" : isPane(event.target);
      if (isOver && store.getState().connectionClickStartHandle) store.setState({ connectionClickStartHandle: null });
    };
    ground?.addEventListener("keydown", cancel);
    ground?.addEventListener("click", cancel);
    return () => {
      ground?.removeEventListener("keydown", cancel);
      ground?.removeEventListener("click", cancel);
    };
  }, [editor, store]);
  return null;
}

const isPane = (target: EventTarget | null) => target instanceof Element && target.classList.contains("react-flow__pane");

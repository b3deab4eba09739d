// First version: shows the graph, adds, moves, connects and deletes.
import { useCallback, useEffect, useRef } from "react";
import { createRoot, type Root } from "react-dom/client";
import { addEdge, Background, Controls, Handle, MiniMap, Position, ReactFlow, useEdgesState, useNodesState } from "@xyflow/react";
import type { Connection, Edge, Node, NodeProps } from "@xyflow/react";
import flowStyle from "@xyflow/react/dist/style.css";

interface Props { data: any; parentElement: ParentNode & globalThis.Node; setStateValue(name: string, value: unknown): void }
const roots = new WeakMap<object, { root: Root; number: number; opening: number }>();

function Card({ data }: NodeProps<Node<any>>) {
  const outcomes = data.face?.outcomes?.length ? data.face.outcomes : [{ name: "", label: "" }];
  return (
    <div style={{ width: 180, padding: 10, border: "1px solid var(--st-border-color)", borderRadius: 8, background: "var(--st-background-color)", color: "var(--st-text-color)" }}>
      <Handle type="target" position={Position.Left} />
      <strong>{data.face?.title ?? data.label}</strong>
      <button className="nodrag" onClick={data.open}>Edit</button>
      {outcomes.map((o: any) => <div key={o.name} style={{ position: "relative", textAlign: "right" }}>{o.label}<Handle id={o.name || null} type="source" position={Position.Right} /></div>)}
    </div>
  );
}
const nodeTypes = { card: Card };

function Canvas({ props, root }: { props: Props; root: { number: number; opening: number } }) {
  const { data } = props;
  const kinds = new Map<string, any>(data.kinds.map((k: any) => [k.name, k]));
  const faces = new Map<string, any>(data.faces);
  const doc = useRef<any>(data.graph), revision = useRef<number>(data.revision), timer = useRef<any>(null);
  const open = useRef<string | null>(null);
  const send = () => props.setStateValue("sent", { graph: doc.current, base_revision: revision.current, number: ++root.number, opened: open.current, opening: root.opening, selected: open.current });
  const toNodes = (g: any): Node<any>[] => g.nodes.map((n: any, i: number) => ({ id: n.id, type: "card", position: n.position ?? { x: 240 * i, y: 0 }, ariaLabel: `${faces.get(n.id)?.title ?? n.label ?? n.kind}, ${kinds.get(n.kind)?.label ?? n.kind}`, ariaRole: "group", data: { doc: n, face: faces.get(n.id), label: n.label ?? kinds.get(n.kind)?.label ?? n.kind, open: () => { open.current = n.id; root.opening++; send(); } } }));
  const toEdges = (g: any): Edge[] => g.edges.map((e: any) => ({ id: JSON.stringify([e.source, e.target, e.when]), source: e.source, target: e.target, sourceHandle: e.when || null, label: e.when, data: e }));
  const [nodes, setNodes, onNodesChange] = useNodesState(toNodes(data.graph));
  const [edges, setEdges, onEdgesChange] = useEdgesState(toEdges(data.graph));
  useEffect(() => {
    if (data.revision > revision.current) { revision.current = data.revision; doc.current = data.graph; setEdges(toEdges(data.graph)); }
    setNodes(toNodes(doc.current));
  }, [data]);
  useEffect(() => {
    if (data.is_read_only || nodes.some((n) => n.dragging)) return;
    const next = { ...doc.current, nodes: nodes.map((n) => ({ ...n.data.doc, position: n.position })), edges: edges.map(({ source, target, sourceHandle }) => (sourceHandle ? { source, target, when: sourceHandle } : { source, target })) };
    const same = (g: any) => JSON.stringify([g.nodes.map((n: any) => [n.id, n.position]), g.edges.map((e: any) => [e.source, e.target])]);
    if (same(next) === same(doc.current)) return;
    doc.current = next;
    clearTimeout(timer.current); timer.current = setTimeout(send, 300);
  }, [nodes, edges]);
  const add = (k: any) => {
    let i = 1; while (nodes.some((n) => n.id === `${k.name}_${i}`)) i++;
    const n = { ...k.initial, id: `${k.name}_${i}`, kind: k.name, position: { x: 40 * nodes.length, y: 120 } };
    setNodes((all) => [...all, ...toNodes({ nodes: [n] })]);
  };
  const connect = useCallback((c: Connection) => setEdges((all) => addEdge(c, all)), []);
  return (
    <section aria-label="Workflow canvas" style={{ height: data.height, display: "flex", flexDirection: "column" }}>
      {!data.is_read_only && <div>{data.kinds.map((k: any) => <button key={k.name} onClick={() => add(k)}>{k.label}</button>)}</div>}
      <ReactFlow nodes={nodes} edges={edges} nodeTypes={nodeTypes} onNodesChange={onNodesChange} onEdgesChange={onEdgesChange} onConnect={connect} nodesDraggable={!data.is_read_only} nodesConnectable={!data.is_read_only} deleteKeyCode={data.is_read_only ? null : ["Delete", "Backspace"]} fitView>
        <Background /><Controls /><MiniMap />
      </ReactFlow>
    </section>
  );
}

export default function show(props: Props) {
  let held = roots.get(props.parentElement);
  if (!held) {
    const style = document.createElement("style"), place = document.createElement("div");
    style.textContent = flowStyle; props.parentElement.append(style, place);
    held = { root: createRoot(place), number: (props.data as any).number, opening: (props.data as any).opening };
    roots.set(props.parentElement, held);
  }
  held.root.render(<Canvas props={props} root={held} />);
  return () => { held.root.unmount(); roots.delete(props.parentElement); };
}

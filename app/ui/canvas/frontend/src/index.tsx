// The door to Streamlit, which calls the default export with each drawing and each change of the theme.

import { type Root, createRoot } from "react-dom/client";
import { ReactFlowProvider } from "@xyflow/react";
import flowStyle from "@xyflow/react/dist/style.css";
import { Editor } from "./editor.ts";
import { sameValue } from "./model/graph.ts";
import { type Data, isData } from "./scene.ts";
import ownStyle from "./style.css";
import { isDark, showHues } from "./theme.ts";
import { Canvas, NARROW } from "./view/Canvas.tsx";

interface Drawing {
  data: unknown;
  parentElement: HTMLElement | ShadowRoot;
  setStateValue: (name: string, value: unknown) => void;
}

interface Mounted {
  editor: Editor;
  root: Root;
  place: HTMLElement;
}

const mounted = new WeakMap<Drawing["parentElement"], Mounted>();
/** The editors of canvases that were taken off the page: one that comes back with the same data goes on where it was. */
const left = new Map<string, Editor>();

export default function draw({ data, parentElement, setStateValue }: Drawing): (() => void) | undefined {
  if (!isData(data)) return undefined;
  const canvas = mounted.get(parentElement) ?? mount(data, parentElement);
  canvas.editor.listen((message) => setStateValue("sent", message));
  if (canvas.editor.data !== data) canvas.editor.receive(data);
  showHues(canvas.place);
  canvas.root.render(
    <ReactFlowProvider>
      <Canvas editor={canvas.editor} isDark={isDark(canvas.place)} />
    </ReactFlowProvider>,
  );
  return () => {
    left.set(canvas.editor.data.key, canvas.editor);
    canvas.root.unmount();
    mounted.delete(parentElement);
  };
}

function mount(data: Data, parent: Drawing["parentElement"]): Mounted {
  const style = document.createElement("style");
  style.textContent = flowStyle + ownStyle;
  const place = document.createElement("div");
  place.className = "place";
  parent.append(style, place);
  const before = left.get(data.key);
  left.delete(data.key);
  const editor = before && sameValue(before.data, data) ? before : new Editor(data);
  editor.isNarrow = place.clientWidth > 0 && place.clientWidth < NARROW;
  const canvas = { editor, root: createRoot(place), place };
  mounted.set(parent, canvas);
  return canvas;
}

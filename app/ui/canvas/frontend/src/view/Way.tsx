// One edge. Its label stands above the nodes, so that a short edge can be read too.

import { BaseEdge, EdgeLabelRenderer, type EdgeProps, getBezierPath } from "@xyflow/react";
import { memo, useContext } from "react";
import { useEditor } from "../editor.ts";
import type { WayEdge } from "../picture.ts";
import { EditorContext } from "./context.ts";
import { Sign } from "./Icon.tsx";

export const Way = memo(function Way(props: EdgeProps<WayEdge>) {
  const [path, x, y] = getBezierPath(props);
  const { data, selected, markerEnd, interactionWidth } = props;
  const editor = useContext(EditorContext);
  const isOpen = useEditor(editor, (held) => !held.scene.isReadOnly) && selected;
  return (
    <>
      <BaseEdge path={path} markerEnd={markerEnd} interactionWidth={interactionWidth} />
      {data?.label && (
        <EdgeLabelRenderer>
          <div
            className={`way-label ${selected ? "is-selected" : ""}`}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          >
            {data.label}
          </div>
        </EdgeLabelRenderer>
      )}
      {isOpen && (
        <EdgeLabelRenderer>
          <button
            type="button"
            className="way-add nodrag nopan"
            tabIndex={-1}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${data?.label ? y + 24 : y}px)` }}
            aria-label="Add a step here"
            title="Add a step here"
            onClick={() => editor.set("dialog", { is: "add", node: null })}
          >
            <Sign name="add" />
          </button>
        </EdgeLabelRenderer>
      )}
    </>
  );
});

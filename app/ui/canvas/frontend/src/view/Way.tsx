// One edge. Its label stands above the nodes, so that a short edge can be read too.

import { BaseEdge, EdgeLabelRenderer, type EdgeProps, getBezierPath } from "@xyflow/react";
import { memo } from "react";
import type { WayEdge } from "../picture.ts";

export const Way = memo(function Way(props: EdgeProps<WayEdge>) {
  const [path, x, y] = getBezierPath(props);
  const { data, selected, markerEnd, interactionWidth } = props;
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
    </>
  );
});

// One node. Everything in it is text from people or models, so it is only ever drawn as text.

import { Handle, type NodeProps, Position, useUpdateNodeInternals } from "@xyflow/react";
import { memo, useContext, useLayoutEffect, useRef } from "react";
import { openForm } from "../actions.ts";
import { type CardData, type CardNode, TARGET, handleOf, problemsId } from "../picture.ts";
import type { State } from "../scene.ts";
import { counted, statusText } from "../words.ts";
import { EditorContext } from "./context.ts";
import { KindIcon, Sign, StateIcon } from "./Icon.tsx";

export const Card = memo(function Card({ id, data }: NodeProps<CardNode>) {
  const editor = useContext(EditorContext);
  useHandles(id, data);
  const [only, ...more] = data.outcomes;
  const isLabelled = more.length > 0 || Boolean(only?.label);
  return (
    <div className={`card hue-${data.hue} ${data.problems.length ? "is-wrong" : ""} ${data.state ? `is-${data.state.status}` : ""}`}>
      {data.isTarget && <Handle id={TARGET} type="target" position={Position.Left} />}
      <div className="card-head">
        <span className="tile">
          <KindIcon names={data.icons} />
        </span>
        <span className="card-words">
          <span className="card-title">{data.title}</span>
          {data.title !== data.kind && <span className="card-kind">{data.kind}</span>}
        </span>
        {!data.isReadOnly && (
          <button
            type="button"
            className="card-edit nodrag nopan"
            tabIndex={-1}
            aria-label={`Edit ${data.title}`}
            title="Edit"
            onClick={() => openForm(editor, data.id)}
            onDoubleClick={(event) => event.stopPropagation()}
          >
            <Sign name="edit" />
          </button>
        )}
      </div>
      {data.subtitle && <div className="card-sub">{data.subtitle}</div>}
      {data.isSource && isLabelled && (
        <div className="ways">
          {data.outcomes.map(({ name, label }) => (
            <div className="way" key={name}>
              <span>{label || "then"}</span>
              <Handle id={handleOf(name)} type="source" position={Position.Right} />
            </div>
          ))}
        </div>
      )}
      {data.isSource && !isLabelled && only && <Handle id={handleOf(only.name)} type="source" position={Position.Right} />}
      {data.state && <Progress state={data.state} />}
      {data.problems.length + data.warnings.length > 0 && <Problems data={data} />}
    </div>
  );
});

/** Lets React Flow look where the handles are when there are other ones; the first time it looks by itself. */
function useHandles(id: string, data: CardData): void {
  const update = useUpdateNodeInternals();
  const handles = [data.isTarget, data.isSource, ...data.outcomes.map(({ name }) => name)].join("\n");
  const seen = useRef(handles);
  useLayoutEffect(() => {
    if (seen.current === handles) return;
    seen.current = handles;
    update(id);
  }, [id, handles, update]);
}

function Progress({ state }: { state: State }) {
  return (
    <div className="progress">
      <div className="progress-line">
        <span className={`chip chip-${state.status}`}>
          <StateIcon status={state.status} />
          {statusText(state.status)}
        </span>
        {state.is_cached && (
          <span className="reused" title="The result of an earlier run">
            <Sign name="reused" />
            Reused
          </span>
        )}
      </div>
      {(state.duration || state.cost) && (
        <div className="progress-line numbers">
          <span>{state.duration}</span>
          <span>{state.cost}</span>
        </div>
      )}
      {state.note && <div className="card-sub">{state.note}</div>}
    </div>
  );
}

function Problems({ data: { id, problems, warnings } }: { data: CardData }) {
  return (
    <div className={problems.length ? "problems" : "problems is-mild"}>
      <span className="problems-mark">
        <Sign name="problem" />
        {problems.length ? counted(problems.length, "problem", "problems") : counted(warnings.length, "warning", "warnings")}
      </span>
      <ul id={problemsId(id)} className="problems-list">
        {[...problems, ...warnings].map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </div>
  );
}

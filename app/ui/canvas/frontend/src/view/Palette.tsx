// What can be added: by dragging, by a click, by a tap.

import { useState } from "react";
import { addFree } from "../actions.ts";
import { type Editor, useEditor } from "../editor.ts";
import { search } from "../model/search.ts";
import type { Kind } from "../scene.ts";
import { KindIcon } from "./Icon.tsx";

export const DRAGGED_KIND = "application/x-zoark-kind";

export function Palette({ editor, onAdded }: { editor: Editor; onAdded?: () => void }) {
  const { kinds, groups } = useEditor(editor, (held) => held.scene);
  const [wanted, setWanted] = useState("");
  const found = search([...kinds.values()], wanted, ({ label }) => label, ({ group, help }) => `${group} ${help}`);
  const add = (kind: Kind) => {
    onAdded?.();
    addFree(editor, kind.name);
  };
  return (
    <div className="palette">
      <input
        type="search"
        className="search"
        aria-label="Search steps to add"
        placeholder="Search"
        value={wanted}
        onChange={(event) => setWanted(event.target.value)}
        onKeyDown={(event) => event.key === "Enter" && found[0] && add(found[0])}
      />
      {groups.map((group) => {
        const own = found.filter((kind) => kind.group === group);
        return (
          own.length > 0 && (
            <div role="group" aria-label={group || "Steps"} key={group}>
              <div className="palette-group" aria-hidden="true">
                {group}
              </div>
              {own.map((kind) => (
                <button
                  key={kind.name}
                  type="button"
                  className={`palette-item hue-${groups.indexOf(group) % 6}`}
                  title={kind.help}
                  draggable
                  onDragStart={(event) => {
                    event.dataTransfer.setData(DRAGGED_KIND, kind.name);
                    event.dataTransfer.effectAllowed = "copy";
                  }}
                  onClick={() => add(kind)}
                >
                  <span className="tile">
                    <KindIcon names={[kind.icon, kind.name]} />
                  </span>
                  {kind.label}
                </button>
              ))}
            </div>
          )
        );
      })}
      {found.length === 0 && <p className="quiet">No step is called so.</p>}
    </div>
  );
}

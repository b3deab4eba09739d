// The tools above the graph.

import * as actions from "../actions.ts";
import { type Editor, useEditor } from "../editor.ts";
import { Sign } from "./Icon.tsx";

interface Tool {
  sign: Parameters<typeof Sign>[0]["name"];
  label: string;
  keys?: string;
  isOff?: boolean;
  isPressed?: boolean;
  onClick: () => void;
}

export function Toolbar({ editor }: { editor: Editor }) {
  const isReadOnly = useEditor(editor, (held) => held.scene.isReadOnly);
  const show = (is: "find" | "keys" | "palette") => editor.set("dialog", { is });
  return (
    <div className="toolbar" role="toolbar" aria-label="Canvas tools">
      {!isReadOnly && <EditingTools editor={editor} />}
      <span className="toolbar-rest" />
      <Button sign="find" label="Find a step" keys="/" onClick={() => show("find")} />
      <Button sign="keys" label="Keys" keys="?" onClick={() => show("keys")} />
    </div>
  );
}

function EditingTools({ editor }: { editor: Editor }) {
  const isNarrow = useEditor(editor, (held) => held.isNarrow);
  const isPaletteOpen = useEditor(editor, (held) => held.isPaletteOpen);
  const isBoxing = useEditor(editor, (held) => held.isBoxing);
  const canUndo = useEditor(editor, (held) => held.history.canUndo);
  const canRedo = useEditor(editor, (held) => held.history.canRedo);
  const isEmpty = useEditor(editor, (held) => held.graph.nodes.length === 0);
  // A focused node is not told apart from others while the focus is up here: only what is selected counts.
  const hasNode = useEditor(editor, (held) => held.selected.size > 0);
  const hasAny = useEditor(editor, (held) => held.selected.size + held.selectedEdges.size > 0);
  return (
    <>
      {isNarrow ? (
        <Button sign="add" label="Add a step" onClick={() => editor.set("dialog", { is: "palette" })} />
      ) : (
        <Button
          sign="palette"
          label="Palette"
          isPressed={isPaletteOpen}
          onClick={() => editor.set("isPaletteOpen", !isPaletteOpen)}
        />
      )}
      <Button sign="undo" label="Undo" keys="Ctrl+Z" isOff={!canUndo} onClick={() => actions.undo(editor)} />
      <Button sign="redo" label="Redo" keys="Ctrl+Y" isOff={!canRedo} onClick={() => actions.redo(editor)} />
      <Button sign="duplicate" label="Duplicate" keys="Ctrl+D" isOff={!hasNode} onClick={() => actions.duplicate(editor, editor.selected)} />
      <Button sign="delete" label="Delete" keys="Delete" isOff={!hasAny} onClick={() => actions.deleteThese(editor, editor.selected, editor.selectedEdges)} />
      <Button sign="arrange" label="Arrange" keys="L" isOff={isEmpty} onClick={() => actions.arrangeAll(editor)} />
      <Button sign="box" label="Select an area" isPressed={isBoxing} onClick={() => editor.set("isBoxing", !isBoxing)} />
    </>
  );
}

function Button({ sign, label, keys, isOff = false, isPressed, onClick }: Tool) {
  return (
    <button
      type="button"
      className="tool"
      aria-label={label}
      aria-pressed={isPressed}
      title={keys ? `${label} (${keys})` : label}
      disabled={isOff}
      onClick={onClick}
    >
      <Sign name={sign} />
    </button>
  );
}

// The whole canvas: tools, palette, graph, boxes and the sentence that says what happened.

import { type KeyboardEvent, useEffect, useRef } from "react";
import { copied, deleteChosen, paste } from "../actions.ts";
import { type Editor, useEditor } from "../editor.ts";
import { press } from "../keys.ts";
import { showFirst, showNode } from "../sight.ts";
import { EditorContext } from "./context.ts";
import { Dialogs } from "./Dialogs.tsx";
import { Ground } from "./Ground.tsx";
import { Palette } from "./Palette.tsx";
import { Toolbar } from "./Toolbar.tsx";

/** Below this width the palette comes as a sheet. */
export const NARROW = 640;

export function Canvas({ editor, isDark }: { editor: Editor; isDark: boolean }) {
  const section = useRef<HTMLElement>(null);
  const height = useEditor(editor, (held) => held.scene.height);
  const isReadOnly = useEditor(editor, (held) => held.scene.isReadOnly);
  const isNarrow = useEditor(editor, (held) => held.isNarrow);
  const hasPalette = useEditor(editor, (held) => held.isPaletteOpen) && !isNarrow && !isReadOnly;
  useWidth(editor, section);
  useWish(editor);
  useClipboard(editor, section);
  useLeaving(editor);

  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target as Element;
    if (target.closest("dialog, input")) return;
    if (target.closest("button") && (event.key === "Enter" || event.key === " ")) return;
    const isOnGround = editor.ground?.contains(target) === true;
    if (!press(editor, event, isOnGround)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <EditorContext.Provider value={editor}>
      <section
        ref={section}
        className={`canvas ${isDark ? "is-dark" : ""} ${isReadOnly ? "is-read-only" : ""}`}
        aria-label="Workflow canvas"
        style={{ height }}
        onKeyDown={onKeyDown}
        onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && editor.leave()}
      >
        <Toolbar editor={editor} />
        <div className="desk">
          {hasPalette && <Palette editor={editor} />}
          <Ground editor={editor} isDark={isDark} />
          <Hint editor={editor} />
          <Spoken editor={editor} />
        </div>
        <Dialogs editor={editor} />
      </section>
    </EditorContext.Provider>
  );
}

function Hint({ editor }: { editor: Editor }) {
  const isEmpty = useEditor(editor, (held) => held.graph.nodes.length === 0);
  const isReadOnly = useEditor(editor, (held) => held.scene.isReadOnly);
  const isNarrow = useEditor(editor, (held) => held.isNarrow);
  if (!isEmpty) return null;
  if (isReadOnly) return <p className="hint">There are no steps.</p>;
  return <p className="hint">{isNarrow ? "Add the first step with +." : "Drag the first step here, or click it in the palette."}</p>;
}

function Spoken({ editor }: { editor: Editor }) {
  const { text, count } = useEditor(editor, (held) => held.spoken);
  return (
    <div className="spoken" role="status">
      {text && <span key={count}>{text}</span>}
    </div>
  );
}

function useWidth(editor: Editor, section: React.RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (!section.current) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      const width = entry?.contentRect.width ?? 0;
      // In a tab that is not open there is no width, and no way to say what of the graph is seen first.
      if (width === 0) return;
      editor.set("isNarrow", width < NARROW);
      showFirst(editor);
    });
    observer.observe(section.current);
    return () => observer.disconnect();
  }, [editor, section]);
}

/** Of a run the step that the page tells of is seen, also when the run goes on to another one. */
function useWish(editor: Editor): void {
  const wishes = useEditor(editor, (held) => held.data.wishes);
  useEffect(() => {
    if (wishes > 0 && editor.scene.isReadOnly && editor.only !== null) showNode(editor, editor.only);
  }, [editor, wishes]);
}

/** Copying goes through the browser's own events: they need no permission, and work from tab to tab. */
function useClipboard(editor: Editor, section: React.RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const handle = (event: ClipboardEvent) => {
      // The event's target follows the caret, not the focus.
      const root = section.current?.getRootNode() as ShadowRoot | Document | undefined;
      const focused = root?.activeElement;
      if (!section.current?.contains(focused ?? null) || focused?.matches("input") || editor.dialog) return;
      if (event.type === "paste") {
        if (editor.scene.isReadOnly) return;
        paste(editor, event.clipboardData?.getData("text/plain") ?? "");
      } else {
        const text = copied(editor);
        if (text === undefined) return;
        event.clipboardData?.setData("text/plain", text);
        if (event.type === "cut") deleteChosen(editor);
      }
      event.preventDefault();
    };
    const names = ["copy", "cut", "paste"] as const;
    for (const name of names) document.addEventListener(name, handle);
    return () => {
      for (const name of names) document.removeEventListener(name, handle);
    };
  }, [editor, section]);
}

/** What was not sent goes out before the page is put away. */
function useLeaving(editor: Editor): void {
  useEffect(() => {
    const hide = () => document.visibilityState === "hidden" && editor.flush();
    document.addEventListener("visibilitychange", hide);
    window.addEventListener("pagehide", editor.flush);
    return () => {
      document.removeEventListener("visibilitychange", hide);
      window.removeEventListener("pagehide", editor.flush);
      editor.flush();
    };
  }, [editor]);
}

// A form opens in a dialog of Streamlit's, outside of the canvas. When it is closed the browser has forgotten where in
// the canvas the focus was, for that is hidden from the page; so it is led back.

import type { Editor } from "./editor.ts";
import { focusNode } from "./focus.ts";

const PATIENCE_MS = 10_000;
const RENAMED_MS = 2000;
const LOOK_MS = 100;
let watching: MutationObserver | undefined;

/** Leads the focus back to a node when the dialog that is about to open has gone. */
export function returnTo(editor: Editor, node: string): void {
  watching?.disconnect();
  let hasOpened = false;
  const observer = new MutationObserver(() => {
    const isOpen = document.querySelector('[role="dialog"]') !== null;
    hasOpened ||= isOpen;
    if (!hasOpened || isOpen) return;
    observer.disconnect();
    // Streamlit puts the focus somewhere first.
    requestAnimationFrame(() => requestAnimationFrame(() => isNowhere(editor) && lead(editor, node)));
  });
  observer.observe(document.body, { childList: true, subtree: true });
  watching = observer;
  setTimeout(() => hasOpened || observer.disconnect(), PATIENCE_MS);
}

function lead(editor: Editor, node: string): void {
  focusNode(editor, editor.focused ?? node);
  // The form may have given the node another id: the graph with that one comes later and takes the focus away.
  const until = Date.now() + RENAMED_MS;
  const timer = setInterval(() => {
    if (Date.now() > until) clearInterval(timer);
    else if (editor.focused !== null && isNowhere(editor) && !isWithin(editor)) focusNode(editor, editor.focused);
  }, LOOK_MS);
}

function isWithin(editor: Editor): boolean {
  const root = editor.ground?.getRootNode();
  return root instanceof ShadowRoot && root.activeElement !== null;
}

/** Returns whether the focus is on nothing, or on the canvas as a whole. */
function isNowhere(editor: Editor): boolean {
  const root = editor.ground?.getRootNode();
  const host = root instanceof ShadowRoot ? root.host : null;
  const { activeElement } = document;
  return activeElement === null || activeElement === document.body || activeElement.contains(host);
}

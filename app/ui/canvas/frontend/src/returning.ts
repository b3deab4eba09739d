// A form opens in a dialog of Streamlit's, outside of the canvas. When it is closed the browser has forgotten where in
// the canvas the focus was, for that is hidden from the page; so it is led back.

import type { Editor } from "./editor.ts";
import { focusNode } from "./focus.ts";

const PATIENCE_MS = 10_000;
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
    requestAnimationFrame(() => requestAnimationFrame(() => isNowhere(editor) && focusNode(editor, node)));
  });
  observer.observe(document.body, { childList: true, subtree: true });
  watching = observer;
  setTimeout(() => hasOpened || observer.disconnect(), PATIENCE_MS);
}

/** Returns whether the focus is on nothing, or on the canvas as a whole. */
function isNowhere(editor: Editor): boolean {
  const root = editor.ground?.getRootNode();
  const host = root instanceof ShadowRoot ? root.host : null;
  const { activeElement } = document;
  return activeElement === null || activeElement === document.body || activeElement.contains(host);
}

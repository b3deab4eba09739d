// A box over the page that holds the focus until it is closed. On a narrow screen it comes up from below.

import { type ReactNode, useLayoutEffect, useRef } from "react";
import { Sign } from "./Icon.tsx";

export function Sheet({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const element = useRef<HTMLDialogElement>(null);
  // Before the next key is pressed: it is meant for this box.
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    // The browser would begin with the button that closes.
    dialog?.querySelector<HTMLElement>("[role=combobox]")?.focus();
    // Closing gives the focus back; taking the element away would lose it.
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      className="sheet"
      aria-label={title}
      onClose={onClose}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <div className="sheet-body">
        <div className="sheet-head">
          <strong>{title}</strong>
          <button type="button" className="tool" aria-label="Close" title="Close" onClick={onClose}>
            <Sign name="close" />
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}

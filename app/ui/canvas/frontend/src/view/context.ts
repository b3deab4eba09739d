import { createContext } from "react";
import type { Editor } from "../editor.ts";

// Cards are drawn by React Flow, which passes them nothing of ours but data.
export const EditorContext = createContext<Editor>(null as unknown as Editor);

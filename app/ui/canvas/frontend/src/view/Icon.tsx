// Line drawings of ours: of the kinds of node, of tools, and of states.

const KINDS: ReadonlyMap<string, string> = new Map([
  ["input", "M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M4 12h11M11 8l4 4-4 4"],
  ["output", "M10 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h4M9 12h11M16 8l4 4-4 4"],
  ["agent", "M8 8h8a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3H8a3 3 0 0 1-3-3v-5a3 3 0 0 1 3-3zM12 8V4M9.5 13v1M14.5 13v1"],
  ["crew", "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3 20c0-4 3-6 6-6s6 2 6 6M16 5.3a3 3 0 0 1 0 5.5M18 14.6c2 .9 3 2.6 3 5.4"],
  ["tool", "M14.5 6.5a4 4 0 0 0-5.2 5L4 16.8V20h3.2l5.3-5.3a4 4 0 0 0 5-5.2l-2.6 2.6-2.8-.7-.7-2.8z"],
  ["condition", "M4 12h5M9 12l4-6h7M9 12l4 6h7M17 3l3 3-3 3M17 15l3 3-3 3"],
  ["for_each", "M4 11a6 6 0 0 1 6-6h9M16 2l3 3-3 3M20 13a6 6 0 0 1-6 6H5M8 22l-3-3 3-3"],
  ["join", "M4 6h4l5 6h7M4 18h4l5-6M17 9l3 3-3 3"],
  ["approval", "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4"],
  ["wait", "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 8v4l3 2"],
  ["template", "M6 3h9l4 4v14H6zM9 8h3M9 12h7M9 16h5"],
  ["transform", "M9 4c-4 0-1 7-5 8 4 1 1 8 5 8M15 4c4 0 1 7 5 8-4 1-1 8-5 8"],
  ["workflow", "M3 4h7v6H3zM14 14h7v6h-7zM10 7h4a3 3 0 0 1 3 3v4"],
]);
const OTHER_KIND = "M8 5h8a3 3 0 0 1 3 3v8a3 3 0 0 1-3 3H8a3 3 0 0 1-3-3V8a3 3 0 0 1 3-3zM12 9v4M12 16v.1";

const SIGNS = {
  add: "M12 5v14M5 12h14",
  undo: "M4 9h10a5 5 0 0 1 0 10h-3M8 5L4 9l4 4",
  redo: "M20 9H10a5 5 0 0 0 0 10h3M16 5l4 4-4 4",
  delete: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  duplicate: "M9 9h11v11H9zM5 15H4V4h11v1",
  arrange: "M3 9h5v6H3zM16 4h5v5h-5zM16 15h5v5h-5zM8 12h4M16 6.5h-2a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2",
  find: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20",
  box: "M4 7V4h3M17 4h3v3M20 17v3h-3M7 20H4v-3M11 4h2M11 20h2M4 11v2M20 11v2",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  keys: "M3 6h18v12H3zM7 10v.1M11 10v.1M15 10v.1M17 14v.1M8 14h6M7 14v.1",
  palette: "M4 4h16v16H4zM10 4v16",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  problem: "M12 4l9 16H3zM12 10v4M12 17v.1",
  close: "M6 6l12 12M18 6L6 18",
  reused: "M4 12a8 8 0 0 1 14-5l2 2M20 4v5h-5M20 12a8 8 0 0 1-14 5l-2-2M4 20v-5h5",
} as const;

const STATES: ReadonlyMap<string, string> = new Map([
  ["pending", "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16z"],
  ["running", "M12 4a8 8 0 1 1-8 8"],
  ["waiting", "M9 6v12M15 6v12"],
  ["succeeded", "M5 12.5l4.5 4.5L19 7.5"],
  ["failed", "M6 6l12 12M18 6L6 18"],
  ["skipped", "M5 6l7 6-7 6zM12 6l7 6-7 6z"],
  ["cancelled", "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM6.5 6.5l11 11"],
  ["in_doubt", "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.1"],
]);

function Lines({ path }: { path: string }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={path} />
    </svg>
  );
}

/** Draws the first of several names that there is a drawing of. */
export function KindIcon({ names }: { names: string[] }) {
  const known = names.find((name) => KINDS.has(name));
  return <Lines path={(known && KINDS.get(known)) ?? OTHER_KIND} />;
}

export const Sign = ({ name }: { name: keyof typeof SIGNS }) => <Lines path={SIGNS[name]} />;

export const StateIcon = ({ status }: { status: string }) => (
  <Lines path={STATES.get(status) ?? (STATES.get("in_doubt") as string)} />
);

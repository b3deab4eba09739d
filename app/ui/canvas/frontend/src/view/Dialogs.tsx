// The boxes that lie over the canvas: what each offers, and what choosing does.

import * as actions from "../actions.ts";
import { type Editor, type Question, useEditor } from "../editor.ts";
import { focusNode } from "../focus.ts";
import { edgeKey } from "../model/graph.ts";
import { centre } from "../sight.ts";
import { KEYS, READ_ONLY_KEYS, statusText } from "../words.ts";
import { KindIcon } from "./Icon.tsx";
import { Palette } from "./Palette.tsx";
import { type Choice, Picker } from "./Picker.tsx";
import { Sheet } from "./Sheet.tsx";

export function Dialogs({ editor }: { editor: Editor }) {
  const dialog = useEditor(editor, (held) => held.dialog);
  if (!dialog) return null;
  const close = () => {
    if (editor.dialog === dialog) editor.set("dialog", null);
  };
  switch (dialog.is) {
    case "palette":
      return (
        <Sheet title="Add a step" onClose={close}>
          <Palette editor={editor} onAdded={close} />
        </Sheet>
      );
    case "keys":
      return (
        <Sheet title="Keys" onClose={close}>
          <Keys editor={editor} />
        </Sheet>
      );
    default:
      // Another question is another picker, that begins with an empty search.
      return <Picker key={JSON.stringify(dialog)} {...offer(editor, dialog)} onClose={close} />;
  }
}

function Keys({ editor }: { editor: Editor }) {
  return (
    <dl className="keys">
      {(editor.scene.isReadOnly ? READ_ONLY_KEYS : KEYS).map(([key, does]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{does}</dd>
        </div>
      ))}
    </dl>
  );
}

interface Offer {
  title: string;
  choices: Choice[];
  onChoose: (key: string) => void;
}

function offer(editor: Editor, dialog: Question): Offer {
  const answer = (act: (key: string) => void) => (key: string) => {
    editor.set("dialog", null);
    act(key);
  };
  switch (dialog.is) {
    case "find":
      return {
        title: "Find a step",
        choices: nodes(editor, editor.graph.nodes.map(({ id }) => id)),
        onChoose: answer((id) => {
          editor.select([id]);
          focusNode(editor, id);
          centre(editor, id);
        }),
      };
    case "add":
      return {
        title: dialog.node === null ? "Add a step" : `Add a step after ${actions.titleOf(editor, dialog.node)}`,
        choices: [...editor.scene.kinds.values()].map((kind) => ({
          key: kind.name,
          label: kind.label,
          detail: kind.help,
          icon: <KindIcon names={[kind.icon, kind.name]} />,
        })),
        onChoose: answer((kind) => actions.addAfter(editor, kind, dialog.node)),
      };
    case "outcome":
      return {
        title: `When does ${actions.titleOf(editor, dialog.node)} lead on?`,
        choices: outcomes(editor, dialog.node),
        onChoose: (name) => actions.chooseTarget(editor, dialog.node, name),
      };
    case "target":
      return {
        title: `Connect ${actions.titleOf(editor, dialog.node)} to`,
        choices: nodes(editor, actions.possibleTargets(editor, dialog.node, dialog.outcome)),
        onChoose: answer((id) => actions.join(editor, dialog.node, dialog.outcome, id)),
      };
    case "edges":
      return {
        title: "Delete a connection",
        choices: editor.graph.edges
          .filter((edge) => edge.source === dialog.node || edge.target === dialog.node)
          .map((edge) => ({ key: edgeKey(edge), label: actions.describe(editor, edge) })),
        onChoose: answer((key) => actions.deleteThese(editor, new Set(), new Set([key]))),
      };
  }
}

function nodes(editor: Editor, ids: string[]): Choice[] {
  const cards = new Map(editor.nodes.map((node) => [node.data.id, node.data]));
  return ids.flatMap((id) => {
    const card = cards.get(id);
    if (!card) return [];
    const detail = card.state ? `${card.kind}, ${statusText(card.state.status)}` : card.kind;
    return [{ key: id, label: card.title, detail, icon: <KindIcon names={card.icons} /> }];
  });
}

function outcomes(editor: Editor, id: string): Choice[] {
  const card = editor.nodes.find((node) => node.data.id === id)?.data;
  return (card?.outcomes ?? []).map(({ name, label }) => ({ key: name, label: label || name || "then" }));
}

// A list to choose from by typing and arrow keys: the pattern of a combobox with a listbox.

import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { search } from "../model/search.ts";
import { Sheet } from "./Sheet.tsx";

export interface Choice {
  key: string;
  label: string;
  detail?: string;
  icon?: ReactNode;
}

interface Props {
  title: string;
  choices: Choice[];
  onChoose: (key: string) => void;
  onClose: () => void;
}

export function Picker({ title, choices, onChoose, onClose }: Props) {
  const name = useId();
  const list = useRef<HTMLUListElement>(null);
  const [wanted, setWanted] = useState("");
  const [at, setAt] = useState(0);
  const found = search(choices, wanted, ({ label }) => label, ({ detail = "" }) => detail);
  const current = Math.min(at, found.length - 1);
  useEffect(() => {
    list.current?.children[current]?.scrollIntoView({ block: "nearest" });
  }, [current]);
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((current + step + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter" && found[current]) onChoose(found[current].key);
    else return;
    event.preventDefault();
  };
  return (
    <Sheet title={title} onClose={onClose}>
      <input
        className="search"
        role="combobox"
        aria-label={title}
        aria-expanded="true"
        aria-controls={`${name}-list`}
        aria-autocomplete="list"
        aria-activedescendant={found[current] && `${name}-${current}`}
        placeholder="Type to search"
        value={wanted}
        onChange={(event) => {
          setWanted(event.target.value);
          setAt(0);
        }}
        onKeyDown={press}
      />
      <ul ref={list} id={`${name}-list`} role="listbox" aria-label={title} className="choices">
        {found.map((choice, index) => (
          <li
            key={choice.key}
            id={`${name}-${index}`}
            role="option"
            aria-selected={index === current}
            onClick={() => onChoose(choice.key)}
          >
            {choice.icon}
            <span className="choice-label">{choice.label}</span>
            {choice.detail && <span className="choice-detail">{choice.detail}</span>}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className="quiet">Nothing is called so.</p>}
    </Sheet>
  );
}

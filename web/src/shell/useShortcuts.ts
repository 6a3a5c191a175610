// Keys that work everywhere: the palette, help, going places, the filter of a page.
import { useEffect, useRef } from "react";
import { useNavigate } from "@tanstack/react-router";
import { PLACES } from "./navigation";

interface Actions {
  openPalette: () => void;
  openHelp: () => void;
}

/** A `g` is forgotten after this long. */
const CHORD_MS = 1200;

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** The row of the page's first table or tree that keys would move from. */
export const firstRow = (): HTMLElement | null => document.querySelector<HTMLElement>("main [role=grid] [role=row][tabindex='0'], main [role=tree] [role=treeitem][tabindex='0']");

/** Nothing that takes keys of its own has the focus. */
const isFree = (target: EventTarget | null): boolean => target === document.body || (target instanceof HTMLElement && target.id === "content");

/** From a fresh page the keys that move in a table lead into it. */
const INTO = ["j", "k", "ArrowDown", "ArrowUp"];

export function useShortcuts(actions: Actions) {
  const navigate = useNavigate();
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    let chord = 0;
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        if (!document.querySelector("[role=dialog],[role=alertdialog]")) latest.current.openPalette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (document.querySelector("[role=dialog],[role=alertdialog],[role=menu]")) return;
      const row = INTO.includes(event.key) && isFree(event.target) ? firstRow() : null;
      if (row) {
        event.preventDefault();
        row.focus();
      } else if (event.key === "?") latest.current.openHelp();
      else if (event.key === "/") {
        const filter = document.querySelector<HTMLElement>("main [data-filter]");
        if (filter) filter.focus();
        else latest.current.openPalette();
        event.preventDefault();
      } else if (event.key === "g") chord = Date.now();
      else if (Date.now() - chord < CHORD_MS) {
        const place = PLACES.find((p) => p.key === event.key);
        chord = 0;
        if (place) void navigate({ to: place.to });
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [navigate]);
}

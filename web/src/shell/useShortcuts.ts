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
      if (event.key === "?") latest.current.openHelp();
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

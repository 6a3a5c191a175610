// Stands in for react-style-singleton with constructed style sheets, which a strict Content-Security-Policy allows.
import { useEffect } from "react";

interface Used {
  sheet: CSSStyleSheet;
  count: number;
}
const inUse = new Map<string, Used>();

function add(css: string) {
  const used = inUse.get(css);
  if (used) {
    used.count += 1;
    return;
  }
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  inUse.set(css, { sheet, count: 1 });
}

function remove(css: string) {
  const used = inUse.get(css);
  if (!used) return;
  used.count -= 1;
  if (used.count > 0) return;
  inUse.delete(css);
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== used.sheet);
}

export function styleHookSingleton() {
  return (css: string, isDynamic?: boolean) => {
    useEffect(() => {
      add(css);
      return () => remove(css);
    }, [css && isDynamic]);
  };
}

export function styleSingleton() {
  const useStyle = styleHookSingleton();
  return function Sheet({ styles, dynamic }: { styles: string; dynamic?: boolean }) {
    useStyle(styles, dynamic);
    return null;
  };
}

export function stylesheetSingleton() {
  let current: string | null = null;
  return {
    add: (css: string) => {
      current = css;
      add(css);
    },
    remove: () => {
      if (current !== null) remove(current);
    },
  };
}

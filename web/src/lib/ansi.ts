// Terminal colours of log lines, turned into spans; every other escape is taken out; pure.

export interface Span {
  text: string;
  /** 0 to 15, or a CSS colour. */
  color?: number | string;
  background?: number | string;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
}

type Style = Omit<Span, "text">;

// CSI … final byte, OSC … terminator, and single escapes.
const ESCAPE = /\u001b(?:\[([0-9;:?]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f]/g;

const CUBE = [0, 95, 135, 175, 215, 255];

function indexed(n: number): number | string {
  if (n < 16) return n;
  if (n >= 232) {
    const grey = 8 + (n - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const c = n - 16;
  return `rgb(${CUBE[Math.floor(c / 36)]} ${CUBE[Math.floor(c / 6) % 6]} ${CUBE[c % 6]})`;
}

function extended(codes: number[], at: number): [number | string | undefined, number] {
  if (codes[at + 1] === 5) return [indexed(Math.min(255, codes[at + 2] ?? 0)), at + 2];
  if (codes[at + 1] === 2) return [`rgb(${[2, 3, 4].map((i) => Math.min(255, codes[at + i] ?? 0)).join(" ")})`, at + 4];
  return [undefined, codes.length];
}

function applied(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map((p) => Number.parseInt(p || "0", 10));
  let next: Style = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 22) delete next.bold, delete next.dim;
    else if (code === 23) delete next.italic;
    else if (code === 24) delete next.underline;
    else if (code >= 30 && code <= 37) next.color = code - 30;
    else if (code >= 90 && code <= 97) next.color = code - 82;
    else if (code === 39) delete next.color;
    else if (code >= 40 && code <= 47) next.background = code - 40;
    else if (code >= 100 && code <= 107) next.background = code - 92;
    else if (code === 49) delete next.background;
    else if (code === 38) [next.color, i] = extended(codes, i);
    else if (code === 48) [next.background, i] = extended(codes, i);
  }
  return next;
}

/** The line as spans. Lines without escapes, nearly all, cost one search. */
export function ansiSpans(line: string): Span[] {
  if (!line.includes("\u001b")) return [{ text: line.replace(CONTROL, "") }];
  const spans: Span[] = [];
  let style: Style = {};
  let from = 0;
  const push = (text: string) => {
    if (text) spans.push({ ...style, text: text.replace(CONTROL, "") });
  };
  for (const match of line.matchAll(ESCAPE)) {
    push(line.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === "m") style = applied(style, match[1] ?? "");
  }
  push(line.slice(from));
  return spans.length ? spans : [{ text: "" }];
}

/** The line without any escape. */
export const plainText = (line: string): string => line.replace(ESCAPE, "").replace(CONTROL, "");

/** Where a search text occurs in a plain line. */
export function matches(line: string, search: string): [number, number][] {
  if (!search) return [];
  const text = line.toLowerCase();
  const want = search.toLowerCase();
  const found: [number, number][] = [];
  for (let at = text.indexOf(want); at >= 0 && found.length < 50; at = text.indexOf(want, at + want.length)) found.push([at, at + want.length]);
  return found;
}

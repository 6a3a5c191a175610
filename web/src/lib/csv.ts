// Text with commas as rows of cells, as spreadsheets write it; pure.

/** Whichever of these separates the first line most often. */
const SEPARATORS = [",", ";", "\t", "|"] as const;

function separatorOf(text: string): string {
  const line = text.slice(0, text.search(/[\r\n]/) < 0 ? undefined : text.search(/[\r\n]/));
  const bare = line.replace(/"[^"]*"/g, "");
  return [...SEPARATORS].sort((a, b) => bare.split(b).length - bare.split(a).length)[0] ?? ",";
}

/** Rows as wide as the widest of them: the first one is often a title of one cell, and nothing beside it may be lost. */
export function evenRows(rows: string[][]): string[][] {
  const width = rows.reduce((most, row) => Math.max(most, row.length), 0);
  return rows.map((row) => [...row, ...Array<string>(width - row.length).fill("")]);
}

/** Rows and cells, at most so many of each; `cut` says that there is more. */
export function csvRows(text: string, mostRows: number, mostCells: number): { rows: string[][]; cut: boolean } {
  const separator = separatorOf(text.replace(/^\uFEFF/, ""));
  const rows: string[][] = [];
  let [row, cell, quoted, cut] = [[] as string[], "", false, false];
  const endCell = () => {
    if (row.length < mostCells) row.push(cell);
    else cut = true;
    cell = "";
  };
  const source = text.replace(/^\uFEFF/, "");
  for (let i = 0; i < source.length; i++) {
    const sign = source[i] as string;
    if (quoted) {
      if (sign === '"' && source[i + 1] === '"') cell += source[++i];
      else if (sign === '"') quoted = false;
      else cell += sign;
    } else if (sign === '"' && cell === "") quoted = true;
    else if (sign === separator) endCell();
    else if (sign === "\n" || sign === "\r") {
      if (sign === "\r" && source[i + 1] === "\n") i++;
      endCell();
      rows.push(row);
      row = [];
      if (rows.length === mostRows) return { rows, cut: cut || source.slice(i + 1).trim() !== "" };
    } else cell += sign;
  }
  if (cell !== "" || row.length > 0) {
    endCell();
    rows.push(row);
  }
  return { rows, cut };
}

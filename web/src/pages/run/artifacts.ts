// How a file that a run left is shown, and the beginning of it as text.
import type { Artifact } from "@/api";

export type Look = "picture" | "table" | "page" | "pdf" | "text" | "none";

/** Bytes of a text that are fetched for a look at it; the rest is for the download. */
export const MOST_BYTES = 512 * 1024;

const ENDINGS: Record<string, Look> = { csv: "table", tsv: "table", html: "page", htm: "page", pdf: "pdf", txt: "text", log: "text", md: "text", json: "text", jsonl: "text", xml: "text", yaml: "text", yml: "text", toml: "text", ini: "text", py: "text", sh: "text", sql: "text" };

/** By its media type, and by the ending of its name where that says nothing. */
export function lookOf({ content_type, name }: Pick<Artifact, "content_type" | "name">): Look {
  const type = (content_type.split(";")[0] ?? "").trim().toLowerCase();
  if (/^image\/(png|jpe?g|gif|webp|avif|svg\+xml)$/.test(type)) return "picture";
  if (type === "application/pdf") return "pdf";
  if (type === "text/html" || type === "application/xhtml+xml") return "page";
  if (type === "text/csv" || type === "text/tab-separated-values") return "table";
  if (type === "application/json" || type === "application/xml") return "text";
  const ending = ENDINGS[name.split(".").at(-1)?.toLowerCase() ?? ""];
  // A file that does not say that it is a PDF is served as one that is saved.
  if (ending && ending !== "pdf") return ending;
  return type.startsWith("text/") ? "text" : "none";
}

/** The beginning of a file as text, and whether there is more: what lies beyond is not fetched. */
export async function beginning(url: string, signal: AbortSignal): Promise<{ text: string; cut: boolean }> {
  const response = await fetch(url, { credentials: "same-origin", signal });
  if (!response.ok || !response.body) throw new Error(`The server answered ${response.status}.`);
  const reader = response.body.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  while (size <= MOST_BYTES) {
    const { done, value } = await reader.read();
    if (done) return { text: decoded(parts, size), cut: false };
    parts.push(value);
    size += value.length;
  }
  await reader.cancel();
  return { text: decoded(parts, MOST_BYTES), cut: true };
}

function decoded(parts: readonly Uint8Array[], most: number): string {
  const all = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return new TextDecoder().decode(all.subarray(0, most));
}

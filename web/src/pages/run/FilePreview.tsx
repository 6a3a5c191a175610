// A look at a file that a run left, without saving it: text, a table, a picture, a PDF, a page in a box without scripts.
import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import type { Artifact } from "@/api";
import { csvRows, evenRows } from "@/lib/csv";
import { formatBytes } from "@/lib/format";
import { buttonClass, Dialog, ErrorState, Skeleton } from "@/ui";
import { beginning, lookOf, MOST_BYTES, type Look } from "./artifacts";

/** More rows or columns are for a spreadsheet. */
const MOST_ROWS = 500;
const MOST_CELLS = 60;
const FRAME = "h-[62dvh] w-full rounded-md border border-line bg-white";

/** Beside the sandbox: the page fetches nothing either. It stands first, so that nothing of the page comes before it. */
const BOX = `<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`;

const Cut = ({ children }: { children: string }) => <p role="status" className="mb-2 text-xs text-muted">{children}</p>;

function Table({ text }: { text: string }) {
  const { rows, cut } = csvRows(text, MOST_ROWS, MOST_CELLS);
  const [head = [], ...body] = evenRows(rows);
  return (
    <>
      {cut && <Cut>{`The first ${MOST_ROWS} rows and ${MOST_CELLS} columns.`}</Cut>}
      <div tabIndex={0} className="max-h-[62dvh] overflow-auto rounded-md border border-line">
        <table className="text-xs">
          <thead className="sticky top-0 bg-sunken"><tr>{head.map((cell, i) => <th key={i} className="border-b border-line px-2 py-1.5 text-left font-medium whitespace-nowrap">{cell}</th>)}</tr></thead>
          <tbody>{body.map((row, r) => <tr key={r} className="border-b border-line last:border-0 hover:bg-hover">{head.map((_, i) => <td key={i} className="max-w-80 truncate px-2 py-1" title={row[i]}>{row[i]}</td>)}</tr>)}</tbody>
        </table>
      </div>
    </>
  );
}

function Words({ artifact, look }: { artifact: Artifact; look: Look }) {
  const found = useQuery({ queryKey: ["artifact", artifact.id], queryFn: ({ signal }) => beginning(artifact.url, signal), staleTime: Infinity });
  if (found.error) return <ErrorState error={found.error} onRetry={() => void found.refetch()} className="py-8" />;
  if (!found.data) return <Skeleton className="h-40 w-full" />;
  const { text, cut } = found.data;
  return (
    <>
      {cut && <Cut>{`The first ${formatBytes(MOST_BYTES)} of ${formatBytes(artifact.size)}.`}</Cut>}
      {look === "table" ? <Table text={text} />
      // No script, no form, no way out, and not of this address: whatever a flow wrote stays in its box.
      : look === "page" ? <iframe sandbox="" srcDoc={BOX + text} title={artifact.name} referrerPolicy="no-referrer" className={FRAME} />
      : <pre tabIndex={0} className="max-h-[62dvh] overflow-auto rounded-md border border-line bg-sunken p-3 text-xs leading-[18px] [overflow-wrap:anywhere] whitespace-pre-wrap">{text}</pre>}
    </>
  );
}

export function FilePreview({ artifact, onClose }: { artifact: Artifact; onClose: () => void }) {
  const look = lookOf(artifact);
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={artifact.name.split("/").at(-1)}
      description={`${formatBytes(artifact.size)}, ${artifact.content_type.split(";")[0]}`}
      width="lg"
      footer={
        <>
          {(look === "pdf" || look === "picture") && <a href={artifact.url} target="_blank" rel="noreferrer" className={buttonClass("plain")}>Open in a new tab</a>}
          <a href={artifact.url} download={artifact.name.split("/").at(-1)} className={buttonClass("primary")}><Download size={14} aria-hidden />Download</a>
        </>
      }
    >
      {artifact.size === 0 ? <p className="py-8 text-center text-sm text-muted">The file is empty.</p>
      : look === "picture" ? <img src={artifact.url} alt={artifact.name} className="mx-auto max-h-[62dvh] max-w-full object-contain" />
      : look === "pdf" ? <iframe src={artifact.url} title={artifact.name} className={FRAME} />
      : look === "none" ? <p className="py-8 text-center text-sm text-muted">A file of this kind cannot be shown here.</p>
      : <Words artifact={artifact} look={look} />}
    </Dialog>
  );
}

// Text that can be copied with one press: ids, commands, links.
import { useState } from "react";
import { Check, Copy } from "lucide-react";
import { cx } from "@/lib/format";
import { Tooltip } from "./Tooltip";

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without a secure context the old way is the only one.
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("aria-hidden", "true");
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

export function useCopied(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false);
  const copy = (text: string) =>
    void copyText(text).then((ok) => {
      if (!ok) return;
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    });
  return [copied, copy];
}

interface CopyableProps {
  text: string;
  /** What is shown, where it is shorter than what is copied. */
  shown?: string;
  label?: string;
  className?: string;
}

export function Copyable({ text, shown, label = "Copy", className }: CopyableProps) {
  const [copied, copy] = useCopied();
  return (
    <Tooltip text={copied ? "Copied" : <span className="font-mono break-all">{text}</span>}>
      <button
        type="button"
        onClick={(e) => {
          e.stopPropagation();
          e.preventDefault();
          copy(text);
        }}
        className={cx("group inline-flex max-w-full items-center gap-1 rounded-sm font-mono text-xs text-muted hover:text-fg", className)}
      >
        <span className="sr-only">{label} </span>
        <span className="truncate">{shown ?? text}</span>
        {copied ? <Check size={12} className="shrink-0 text-completed" aria-hidden /> : <Copy size={12} className="shrink-0 opacity-60 group-hover:opacity-100" aria-hidden />}
      </button>
    </Tooltip>
  );
}

/** A line to paste into a terminal. */
export function CommandLine({ command }: { command: string }) {
  const [copied, copy] = useCopied();
  return (
    <div className="flex items-stretch overflow-hidden rounded-md border border-line-strong bg-sunken">
      <code className="min-w-0 flex-1 overflow-x-auto px-3 py-2.5 text-xs leading-5 whitespace-pre select-all" tabIndex={0}>{command}</code>
      <button type="button" onClick={() => copy(command)} className="inline-flex items-center gap-1.5 border-l border-line-strong bg-surface px-3 text-xs font-medium text-muted hover:bg-hover hover:text-fg">
        {copied ? <Check size={14} className="text-completed" /> : <Copy size={14} />}
        <span aria-live="polite">{copied ? "Copied" : "Copy"}</span>
      </button>
    </div>
  );
}

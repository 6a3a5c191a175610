// One line of a log: number, time, level, task, text with its colours and with what is searched for.
import { memo, type CSSProperties } from "react";
import type { LogEntry, LogLevel } from "@/api";
import { ansiSpans, matches, plainText, type Span } from "@/lib/ansi";
import { cx } from "@/lib/format";
import { formatClock } from "@/lib/time";

const LEVEL_COLOR: Record<LogLevel, string> = {
  debug: "var(--faint)", info: "var(--muted)", warning: "var(--state-late)", error: "var(--state-failed)", critical: "var(--state-failed)",
};
const LEVEL_WORD: Record<LogLevel, string> = { debug: "DEBUG", info: "INFO", warning: "WARN", error: "ERROR", critical: "CRIT" };

/** The sixteen colours of terminals, readable on both themes. */
const PALETTE = [
  "var(--faint)", "light-dark(#b3261e,#f2857c)", "light-dark(#1b7340,#57c785)", "light-dark(#845400,#e2b04a)", "light-dark(#1d5fd0,#79acfb)", "light-dark(#8a35a8,#d08ff0)", "light-dark(#0b6e83,#4cc5de)", "var(--fg)",
  "var(--muted)", "light-dark(#c3352c,#ff9b92)", "light-dark(#218a4c,#74dca0)", "light-dark(#8f5e00,#f4c96b)", "light-dark(#2f70e0,#96bffc)", "light-dark(#9a45b8,#dda9f6)", "light-dark(#0d7d95,#73d6ea)", "var(--fg)",
];
const color = (c: number | string | undefined) => (typeof c === "number" ? PALETTE[c] : c);

function style(span: Span): CSSProperties | undefined {
  if (!span.color && !span.background && !span.bold && !span.dim && !span.italic && !span.underline && span.color !== 0) return undefined;
  return {
    color: color(span.color),
    background: span.background === undefined ? undefined : `color-mix(in oklab, ${color(span.background)} 28%, transparent)`,
    fontWeight: span.bold ? 700 : undefined,
    opacity: span.dim ? 0.7 : undefined,
    fontStyle: span.italic ? "italic" : undefined,
    textDecoration: span.underline ? "underline" : undefined,
  };
}

function Text({ message, ansi, search }: { message: string; ansi: boolean; search: string }) {
  if (search) {
    const text = plainText(message);
    const found = matches(text, search);
    let at = 0;
    return (
      <>
        {found.map(([a, b]) => {
          const before = text.slice(at, a);
          at = b;
          return <span key={a}>{before}<mark className="rounded-[2px] bg-[color-mix(in_oklab,var(--state-late)_35%,transparent)] text-fg">{text.slice(a, b)}</mark></span>;
        })}
        {text.slice(at)}
      </>
    );
  }
  if (!ansi) return plainText(message);
  return ansiSpans(message).map((span, i) => <span key={i} style={style(span)}>{span.text}</span>);
}

/** Milliseconds, where there is room. */
const millis = (at: string): string => `.${String(new Date(at).getMilliseconds()).padStart(3, "0")}`;

interface LogLineProps {
  line: LogEntry | undefined;
  zone: string | undefined;
  ansi: boolean;
  wrap: boolean;
  search: string;
  marked: boolean;
  /** Room for the key of a task, in letters; none where no line has one. */
  taskLetters: number;
  onLink: (line: LogEntry) => void;
}

export const LogLine = memo(function LogLine({ line, zone, ansi, wrap, search, marked, taskLetters, onLink }: LogLineProps) {
  if (!line) return <div className="flex h-5 items-center pl-16"><span className="skeleton h-2.5 w-64" /></div>;
  const loud = line.level === "error" || line.level === "critical" || line.level === "warning";
  // The tint of loud lines takes the contrast that faint words need.
  const aside = marked || loud ? "text-muted" : "text-faint";
  return (
    <div
      style={{ "--level": LEVEL_COLOR[line.level] } as CSSProperties}
      className={cx(
        "group flex min-h-5 items-start border-l-2 pr-4 font-mono text-xs leading-5",
        loud ? "border-(--level)" : "border-transparent",
        marked ? "bg-selected" : loud && line.level !== "warning" ? "bg-[color-mix(in_oklab,var(--level)_7%,transparent)]" : "hover:bg-hover",
      )}
    >
      <button type="button" tabIndex={-1} onClick={() => onLink(line)} title="Link to this line" className={cx("w-14 shrink-0 pr-3 text-right hover:text-accent max-sm:hidden", aside)}>{line.seq}</button>
      <time dateTime={line.at} className={cx("w-[100px] shrink-0 max-sm:w-[76px] max-sm:pl-3", aside)}>{formatClock(Date.parse(line.at), zone)}<span className="max-sm:hidden">{millis(line.at)}</span></time>
      <span className="w-12 shrink-0 font-medium text-(--level)">{LEVEL_WORD[line.level]}</span>
      {taskLetters > 0 && <span title={line.task ?? undefined} style={{ width: `${taskLetters + 2}ch` }} className={cx("shrink-0 truncate pr-[2ch] max-md:hidden", aside)}>{line.task}</span>}
      <span className={cx("min-w-0", wrap ? "flex-1 whitespace-pre-wrap [overflow-wrap:anywhere]" : "whitespace-pre", line.level === "debug" && "text-muted")}>
        <Text message={line.message} ansi={ansi} search={search} />
      </span>
    </div>
  );
});

// Buttons and icon buttons in three weights: quiet, plain, primary; danger for what cannot be undone.
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import { LoaderCircle } from "lucide-react";
import { cx } from "@/lib/format";
import { Tooltip } from "./Tooltip";

export type Weight = "primary" | "plain" | "quiet" | "danger";

const WEIGHTS: Record<Weight, string> = {
  primary: "bg-accent-solid text-on-accent hover:bg-accent-solid-hover border-transparent",
  plain: "bg-surface text-fg border-line-strong hover:bg-hover",
  quiet: "bg-transparent text-muted border-transparent hover:bg-hover hover:text-fg",
  danger: "bg-danger-solid text-white border-transparent hover:opacity-90",
};

const BASE =
  "inline-flex items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none transition-colors duration-100 disabled:opacity-50 disabled:cursor-not-allowed aria-disabled:opacity-50";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  weight?: Weight;
  size?: "sm" | "md";
  icon?: ReactNode;
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function buttonClass(weight: Weight = "plain", size: "sm" | "md" = "md", extra?: string): string {
  return cx(BASE, WEIGHTS[weight], size === "sm" ? "h-7 px-2 text-xs" : "h-8 px-3 text-sm", extra);
}

export function Button({ weight = "plain", size = "md", icon, busy, className, children, disabled, ...rest }: ButtonProps) {
  return (
    <button type="button" {...rest} disabled={disabled || busy} aria-busy={busy || undefined} className={buttonClass(weight, size, className)}>
      {busy ? <LoaderCircle size={14} className="animate-spin" aria-hidden /> : icon}
      {children}
    </button>
  );
}

export interface IconButtonProps extends Omit<ButtonProps, "icon" | "children"> {
  /** What it does, for the tooltip and for screen readers. */
  label: string;
  shortcut?: string;
  children: ReactNode;
}

export function IconButton({ label, shortcut, weight = "quiet", size = "md", className, children, ...rest }: IconButtonProps) {
  return (
    <Tooltip text={label} shortcut={shortcut}>
      <button
        type="button"
        aria-label={label}
        {...rest}
        className={cx(BASE, WEIGHTS[weight], size === "sm" ? "size-7" : "size-8", "shrink-0", className)}
      >
        {children}
      </button>
    </Tooltip>
  );
}

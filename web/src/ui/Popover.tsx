// A panel beside a button, for filters and small forms.
import type { ReactNode } from "react";
import { Popover as RadixPopover } from "radix-ui";
import { cx } from "@/lib/format";

interface PopoverProps {
  trigger: ReactNode;
  /** What it is, for screen readers. */
  label: string;
  children: ReactNode;
  align?: "start" | "center" | "end";
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
  className?: string;
}

export function Popover({ trigger, label, children, align = "start", open, onOpenChange, className }: PopoverProps) {
  return (
    <RadixPopover.Root open={open} onOpenChange={onOpenChange}>
      <RadixPopover.Trigger asChild>{trigger}</RadixPopover.Trigger>
      <RadixPopover.Portal>
        <RadixPopover.Content
          aria-label={label}
          align={align}
          sideOffset={4}
          collisionPadding={8}
          className={cx("z-50 animate-pop rounded-lg border border-line bg-raised shadow-pop outline-none", className ?? "w-64 p-2")}
        >
          {children}
        </RadixPopover.Content>
      </RadixPopover.Portal>
    </RadixPopover.Root>
  );
}

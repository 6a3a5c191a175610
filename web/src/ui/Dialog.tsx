// Dialogs: one for work, one that asks before something that cannot be undone.
import { useState, type ReactNode } from "react";
import { AlertDialog, Dialog as RadixDialog } from "radix-ui";
import { X } from "lucide-react";
import { cx } from "@/lib/format";
import { Button, buttonClass, type Weight } from "./Button";

const OVERLAY = "fixed inset-0 z-40 bg-overlay";
const PANEL =
  "fixed z-50 flex flex-col bg-raised text-fg shadow-pop outline-none animate-pop inset-x-0 bottom-0 max-h-[92dvh] rounded-t-xl border-t border-line sm:inset-auto sm:top-[12vh] sm:left-1/2 sm:-translate-x-1/2 sm:max-h-[76vh] sm:rounded-xl sm:border";

interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  description?: ReactNode;
  width?: "sm" | "md" | "lg";
  footer?: ReactNode;
  /** There is nothing to press in it: it is scrolled by the keyboard itself. */
  reading?: boolean;
  children?: ReactNode;
}

const WIDTHS = { sm: "sm:w-[420px]", md: "sm:w-[560px]", lg: "sm:w-[min(880px,92vw)]" };

/** The first thing to fill in gets the focus, not the button that closes. */
function focusContent(event: Event) {
  const content = event.currentTarget as HTMLElement;
  const first = content.querySelector<HTMLElement>("[data-body] :is(input, select, textarea):not(:disabled)");
  event.preventDefault();
  (first ?? content).focus();
}

export function Dialog({ open, onOpenChange, title, description, width = "md", footer, reading, children }: DialogProps) {
  return (
    <RadixDialog.Root open={open} onOpenChange={onOpenChange}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className={OVERLAY} />
        <RadixDialog.Content onOpenAutoFocus={focusContent} className={cx(PANEL, WIDTHS[width])} {...(description ? {} : { "aria-describedby": undefined })}>
          <header className="flex items-start gap-3 px-5 pt-4 pb-3">
            <div className="min-w-0 flex-1">
              <RadixDialog.Title className="text-lg font-semibold">{title}</RadixDialog.Title>
              {description && <RadixDialog.Description className="mt-0.5 text-sm text-muted">{description}</RadixDialog.Description>}
            </div>
            <RadixDialog.Close asChild>
              <button type="button" aria-label="Close" className={buttonClass("quiet", "sm", "-mr-1 w-7 px-0!")}><X size={16} aria-hidden /></button>
            </RadixDialog.Close>
          </header>
          <div data-body tabIndex={reading ? 0 : undefined} className="min-h-0 flex-1 overflow-auto px-5 pb-4 -outline-offset-2!">{children}</div>
          {footer && <footer className="flex flex-wrap justify-end gap-2 border-t border-line px-5 py-3">{footer}</footer>}
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

interface ConfirmProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  /** What will happen, in a sentence. */
  description: ReactNode;
  /** The verb on the button. */
  action: string;
  weight?: Weight;
  disabled?: boolean;
  onConfirm: () => unknown;
  children?: ReactNode;
}

export function Confirm({ open, onOpenChange, title, description, action, weight = "danger", disabled, onConfirm, children }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
      onOpenChange(false);
    } catch {
      /* Whoever confirms shows its own error; the dialog stays open. */
    } finally {
      setBusy(false);
    }
  };
  return (
    <AlertDialog.Root open={open} onOpenChange={onOpenChange}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className={OVERLAY} />
        <AlertDialog.Content className={cx(PANEL, children ? WIDTHS.md : WIDTHS.sm, "p-5")}>
          <AlertDialog.Title className="text-lg font-semibold">{title}</AlertDialog.Title>
          <AlertDialog.Description asChild>
            <div className="mt-1 text-sm text-muted">{description}</div>
          </AlertDialog.Description>
          {children && <div className="mt-4 min-h-0 overflow-auto">{children}</div>}
          <div className="mt-5 flex justify-end gap-2">
            <AlertDialog.Cancel asChild><Button>Keep as is</Button></AlertDialog.Cancel>
            <Button weight={weight} busy={busy} disabled={disabled} onClick={() => void confirm()}>{action}</Button>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

// Short notes that something was done, or was not; announced to screen readers.
import { createContext, useCallback, useContext, useState, type ReactNode } from "react";
import { Toast as RadixToast } from "radix-ui";
import { CircleAlert, CircleCheck, X } from "lucide-react";
import { ApiError } from "@/api";

interface Note {
  id: number;
  kind: "done" | "error";
  title: string;
  detail?: string;
  action?: ReactNode;
}

interface Toasts {
  done: (title: string, detail?: string, action?: ReactNode) => void;
  error: (title: string, error?: unknown) => void;
}

const ToastContext = createContext<Toasts>({ done: () => {}, error: () => {} });
/** More at once would cover the page. */
const MOST_TOASTS = 4;
let nextId = 1;

export const useToasts = () => useContext(ToastContext);

export const errorText = (error: unknown): string =>
  error instanceof ApiError ? error.message : error instanceof Error ? error.message : String(error);

export function ToastProvider({ children }: { children: ReactNode }) {
  const [notes, setNotes] = useState<Note[]>([]);
  const add = useCallback((note: Omit<Note, "id">) => setNotes((old) => [...old, { ...note, id: nextId++ }].slice(-MOST_TOASTS)), []);
  const [toasts] = useState<Toasts>(() => ({
    done: (title, detail, action) => add({ kind: "done", title, detail, action }),
    error: (title, error) => add({ kind: "error", title, detail: error === undefined ? undefined : errorText(error) }),
  }));
  return (
    <ToastContext.Provider value={toasts}>
      <RadixToast.Provider duration={6000} swipeDirection="right">
        {children}
        {notes.map((note) => (
          <RadixToast.Root
            key={note.id}
            duration={note.kind === "error" ? 12_000 : 5000}
            onOpenChange={(open) => !open && setNotes((old) => old.filter((n) => n.id !== note.id))}
            className="flex animate-pop items-start gap-2.5 rounded-lg border border-line bg-raised p-3 text-sm shadow-pop"
          >
            {note.kind === "done" ? <CircleCheck size={16} className="mt-0.5 shrink-0 text-completed" aria-hidden /> : <CircleAlert size={16} className="mt-0.5 shrink-0 text-failed" aria-hidden />}
            <div className="min-w-0 flex-1">
              <RadixToast.Title className="font-medium break-words">{note.title}</RadixToast.Title>
              {note.detail && <RadixToast.Description className="mt-0.5 break-words text-muted">{note.detail}</RadixToast.Description>}
              {note.action && <div className="mt-1">{note.action}</div>}
            </div>
            <RadixToast.Close aria-label="Dismiss" className="rounded-sm p-0.5 text-muted hover:text-fg"><X size={14} /></RadixToast.Close>
          </RadixToast.Root>
        ))}
        <RadixToast.Viewport className="fixed right-0 bottom-0 z-60 flex w-full max-w-96 flex-col gap-2 p-4 outline-none max-sm:bottom-14" />
      </RadixToast.Provider>
    </ToastContext.Provider>
  );
}

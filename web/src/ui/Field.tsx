// Inputs with their label, hint and error.
import { useId, type InputHTMLAttributes, type ReactNode, type Ref, type SelectHTMLAttributes, type TextareaHTMLAttributes } from "react";
import { CircleAlert, ChevronDown, Search, X } from "lucide-react";
import { cx } from "@/lib/format";

const BOX =
  "w-full rounded-md border border-control bg-surface px-2.5 text-sm text-fg transition-colors hover:border-muted focus-visible:outline-offset-0 disabled:opacity-60 aria-invalid:border-danger";

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  error?: string;
  className?: string;
  /** Gets the id and the description that its control must carry. */
  children: (control: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ReactNode;
}

export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId();
  const note = error || hint ? `${id}-note` : undefined;
  return (
    <div className={cx("flex flex-col gap-1", className)}>
      <label htmlFor={id} className="text-xs font-medium text-muted">{label}</label>
      {children({ id, "aria-describedby": note, ...(error ? { "aria-invalid": true as const } : {}) })}
      {(error || hint) && (
        <p id={note} className={cx("flex items-start gap-1 text-xs", error ? "text-danger" : "text-faint")}>
          {error && <CircleAlert size={13} className="mt-[1.5px] shrink-0" aria-hidden />}
          <span className={error && "first-letter:uppercase"}>{error ?? hint}</span>
        </p>
      )}
    </div>
  );
}

export function Input({ className, ref, ...rest }: InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> }) {
  return <input ref={ref} {...rest} className={cx(BOX, "h-8", className)} />;
}

export function Textarea({ className, ref, ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement> & { ref?: Ref<HTMLTextAreaElement> }) {
  return <textarea ref={ref} {...rest} className={cx(BOX, "py-1.5 leading-5", className)} />;
}

export function Select({ className, children, ...rest }: SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <span className={cx("relative inline-flex", className)}>
      <select {...rest} className={cx(BOX, "h-8 appearance-none pr-7")}>{children}</select>
      <ChevronDown size={14} className="pointer-events-none absolute top-[9px] right-2 text-muted" aria-hidden />
    </span>
  );
}

interface SearchInputProps {
  value: string;
  onChange: (value: string) => void;
  label: string;
  placeholder?: string;
  className?: string;
  ref?: Ref<HTMLInputElement>;
}

export function SearchInput({ value, onChange, label, placeholder, className, ref }: SearchInputProps) {
  return (
    <span className={cx("relative inline-flex", className)}>
      <Search size={14} className="pointer-events-none absolute top-[9px] left-2.5 text-faint" aria-hidden />
      <input
        ref={ref}
        type="search"
        aria-label={label}
        placeholder={placeholder ?? label}
        value={value}
        data-filter
        onChange={(e) => onChange(e.target.value)}
        onKeyDown={(e) => {
          if (e.key === "Escape" && value) {
            e.stopPropagation();
            onChange("");
          }
        }}
        className={cx(BOX, "h-8 px-8")}
      />
      {value && (
        <button type="button" aria-label="Clear" onClick={() => onChange("")} className="absolute top-1.5 right-1.5 rounded-sm p-0.5 text-muted hover:bg-hover hover:text-fg">
          <X size={14} />
        </button>
      )}
    </span>
  );
}

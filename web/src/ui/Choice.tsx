// Controls that choose: checkbox, switch, segmented control, tabs.
import { useEffect, useRef, type ReactNode } from "react";
import { Checkbox as RadixCheckbox, Switch as RadixSwitch, Tabs as RadixTabs, ToggleGroup } from "radix-ui";
import { Check, Minus } from "lucide-react";
import { cx } from "@/lib/format";

interface CheckboxProps {
  checked: boolean | "indeterminate";
  onChange: (checked: boolean) => void;
  label: string;
  /** Shows the label beside the box; otherwise only screen readers get it. */
  visible?: boolean;
  disabled?: boolean;
}

export function Checkbox({ checked, onChange, label, visible, disabled }: CheckboxProps) {
  const box = (
    <RadixCheckbox.Root
      checked={checked}
      disabled={disabled}
      onCheckedChange={(value) => onChange(value === true)}
      onClick={(e) => e.stopPropagation()}
      aria-label={label}
      className="grid size-4 shrink-0 place-items-center rounded-sm border border-control bg-surface text-on-accent data-[state=checked]:border-transparent data-[state=checked]:bg-accent-solid data-[state=indeterminate]:border-transparent data-[state=indeterminate]:bg-accent-solid"
    >
      <RadixCheckbox.Indicator>{checked === "indeterminate" ? <Minus size={12} strokeWidth={3} /> : <Check size={12} strokeWidth={3} />}</RadixCheckbox.Indicator>
    </RadixCheckbox.Root>
  );
  return visible ? <label className="inline-flex items-center gap-2 text-sm select-none">{box}{label}</label> : box;
}

export function Switch({ checked, onChange, label, visible, disabled }: { checked: boolean; onChange: (checked: boolean) => void; label: string; visible?: boolean; disabled?: boolean }) {
  const control = (
    <RadixSwitch.Root
      checked={checked}
      disabled={disabled}
      onCheckedChange={onChange}
      onClick={(e) => e.stopPropagation()}
      aria-label={label}
      className="relative h-[18px] w-8 shrink-0 rounded-full bg-control transition-colors disabled:opacity-50 data-[state=checked]:bg-accent-solid"
    >
      <RadixSwitch.Thumb className="block size-3.5 translate-x-0.5 rounded-full bg-white shadow-card transition-transform data-[state=checked]:translate-x-4" />
    </RadixSwitch.Root>
  );
  return visible ? <label className="inline-flex items-center gap-2 text-sm select-none">{control}{label}</label> : control;
}

interface SegmentedProps<T extends string> {
  value: T;
  onChange: (value: T) => void;
  label: string;
  options: readonly { value: T; label: ReactNode; title?: string }[];
  className?: string;
}

export function Segmented<T extends string>({ value, onChange, label, options, className }: SegmentedProps<T>) {
  return (
    <ToggleGroup.Root
      type="single"
      value={value}
      aria-label={label}
      onValueChange={(next) => next && onChange(next as T)}
      className={cx("inline-flex h-8 shrink-0 items-center rounded-md border border-line bg-sunken p-0.5", className)}
    >
      {options.map((option) => (
        <ToggleGroup.Item
          key={option.value}
          value={option.value}
          aria-label={option.title}
          title={option.title}
          className="inline-flex h-full items-center gap-1.5 rounded-[4px] px-2.5 text-xs font-medium text-muted hover:text-fg data-[state=on]:bg-raised data-[state=on]:text-fg data-[state=on]:shadow-card data-[state=on]:ring-1 data-[state=on]:ring-line"
        >
          {option.label}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}

interface TabsProps<T extends string> {
  value: T;
  onChange: (value: T) => void;
  label: string;
  tabs: readonly { value: T; label: ReactNode; count?: number | undefined }[];
  // A count that is not known yet has its room already.
  /** At the right end of the row of tabs. */
  extra?: ReactNode;
  children: ReactNode;
  className?: string;
}

/** Where tabs do not fit they fade away over so many pixels, as a sign that there are more. */
const END = 32;

export function Tabs<T extends string>({ value, onChange, label, tabs, extra, children, className }: TabsProps<T>) {
  const list = useRef<HTMLDivElement>(null);
  // Where the tabs do not fit, the chosen one must still be seen. Only their own row scrolls, never the page around it.
  useEffect(() => {
    const row = list.current;
    const tab = row?.querySelector<HTMLElement>("[data-state=active]");
    if (!row || !tab) return;
    const [left, right] = [tab.offsetLeft - row.offsetLeft, tab.offsetLeft - row.offsetLeft + tab.offsetWidth];
    if (left < row.scrollLeft) row.scrollLeft = left;
    else if (right > row.scrollLeft + row.clientWidth - END) row.scrollLeft = right - row.clientWidth + END;
  }, [value]);
  return (
    <RadixTabs.Root value={value} onValueChange={(next) => onChange(next as T)} activationMode="manual" className={cx("flex min-h-0 flex-col", className)}>
      <div className="flex items-center gap-3 border-b border-line">
        <RadixTabs.List ref={list} aria-label={label} className="-mb-px flex min-w-0 flex-1 gap-1 overflow-x-auto [scrollbar-width:none] max-sm:pr-8 max-sm:[mask-image:linear-gradient(to_right,#000_calc(100%-32px),transparent)]">
          {tabs.map((tab) => (
            <RadixTabs.Trigger
              key={tab.value}
              value={tab.value}
              className="inline-flex h-9 items-center gap-1.5 border-b-2 border-transparent px-2.5 text-sm font-medium whitespace-nowrap text-muted hover:text-fg data-[state=active]:border-accent data-[state=active]:text-fg focus-visible:-outline-offset-2"
            >
              {tab.label}
              {"count" in tab && <span className="min-w-6 rounded-full bg-sunken px-1.5 text-center text-2xs text-muted">{tab.count ?? "·"}</span>}
            </RadixTabs.Trigger>
          ))}
        </RadixTabs.List>
        {extra}
      </div>
      {children}
    </RadixTabs.Root>
  );
}

export const TabPanel = RadixTabs.Content;

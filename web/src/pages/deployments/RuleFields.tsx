// The fields of each kind of rule: a cron expression, a span, times of day, weekdays, days of the month, an instant.
import { cx } from "@/lib/format";
import { WEEKDAY_NAMES, WEEKDAYS, type Frequency, type ScheduleDraft, type Unit } from "@/lib/scheduleDraft";
import { Field, Input, Segmented, Select } from "@/ui";

interface RuleFieldsProps {
  draft: ScheduleDraft;
  set: (change: Partial<ScheduleDraft>) => void;
  /** What the server says of the expression. */
  error?: string;
}

const KINDS: { value: Frequency; label: string }[] = [
  { value: "daily", label: "Daily" }, { value: "weekly", label: "Weekly" }, { value: "monthly", label: "Monthly" }, { value: "hourly", label: "Hourly" },
  { value: "interval", label: "Interval" }, { value: "cron", label: "Cron" }, { value: "once", label: "Once" },
];
const CRON_IDEAS: [string, string][] = [["0 9 * * MON-FRI", "Weekdays at 09:00"], ["*/15 * * * *", "Every 15 minutes"], ["0 6 1 * *", "The 1st at 06:00"], ["30 22 * * SUN", "Sundays at 22:30"]];
const MONTH_DAYS = [...Array.from({ length: 31 }, (_, i) => i + 1), -1];

function Toggle({ on, onClick, children, label, wide }: { on: boolean; onClick: () => void; children: React.ReactNode; label?: string; wide?: boolean }) {
  return (
    <button
      type="button"
      aria-pressed={on}
      aria-label={label}
      onClick={onClick}
      className={cx("inline-flex h-8 items-center justify-center rounded-md border text-xs font-medium", wide ? "px-2.5" : "w-8", on ? "border-transparent bg-accent-solid text-on-accent" : "border-line-strong bg-surface text-muted hover:bg-hover hover:text-fg")}
    >
      {children}
    </button>
  );
}

const toggled = <T,>(list: readonly T[], item: T): T[] => (list.includes(item) ? list.filter((x) => x !== item) : [...list, item]);

function Time({ draft, set }: RuleFieldsProps) {
  return <Field label="At" hint={`On the clocks of ${draft.timezone}`}>{(control) => <Input {...control} type="time" step={60} value={draft.time.slice(0, 5)} onChange={(e) => set({ time: e.target.value })} className="w-32!" />}</Field>;
}

function Fields(props: RuleFieldsProps) {
  const { draft, set, error } = props;
  switch (draft.frequency) {
    case "daily": return <Time {...props} />;
    case "hourly":
      return <Field label="At minute" hint="0 to 59 past each hour">{(control) => <Input {...control} inputMode="numeric" value={draft.minute} onChange={(e) => set({ minute: e.target.value })} className="w-24!" />}</Field>;
    case "weekly":
      return (
        <>
          <div role="group" aria-label="Weekdays" className="flex flex-wrap gap-1">
            {WEEKDAYS.map((day) => <Toggle key={day} wide on={draft.days.includes(day)} onClick={() => set({ days: toggled(draft.days, day) })}>{WEEKDAY_NAMES[day]}</Toggle>)}
          </div>
          <Time {...props} />
        </>
      );
    case "monthly":
      return (
        <>
          <div role="group" aria-label="Days of the month" className="flex max-w-[340px] flex-wrap gap-1">
            {MONTH_DAYS.map((day) => <Toggle key={day} wide={day < 0} label={day < 0 ? "The last day" : `Day ${day}`} on={draft.monthDays.includes(day)} onClick={() => set({ monthDays: toggled(draft.monthDays, day) })}>{day < 0 ? "Last day" : day}</Toggle>)}
          </div>
          {draft.monthDays.some((d) => d > 28) && <p className="text-xs text-muted">A month without that day is passed over; “Last day” never is.</p>}
          <Time {...props} />
        </>
      );
    case "interval":
      return (
        <>
        <Field label="Every" hint={draft.unit === "days" && draft.wallClock ? "Days of the calendar: the time of day stays when the clocks change" : "Of real time: clock changes do not move it"}>
          {(control) => (
            <span className="flex gap-2">
              <Input {...control} inputMode="numeric" value={draft.every} onChange={(e) => set({ every: e.target.value })} className="w-24!" />
              <Select aria-label="Unit" value={draft.unit} onChange={(e) => set({ unit: e.target.value as Unit })}>
                {(["seconds", "minutes", "hours", "days"] as const).map((u) => <option key={u} value={u}>{u}</option>)}
              </Select>
            </span>
          )}
        </Field>
        {draft.unit === "days" && <Toggle wide on={draft.wallClock} onClick={() => set({ wallClock: !draft.wallClock })}>Keep the time of day</Toggle>}
        </>
      );
    case "once":
      return <Field label="At" hint={`On the clocks of ${draft.timezone}`}>{(control) => <Input {...control} type="datetime-local" value={draft.at} onChange={(e) => set({ at: e.target.value })} className="w-56!" />}</Field>;
    case "cron":
      return (
        <>
          <Field label="Expression" error={error} hint="minute, hour, day of month, month, weekday; six fields begin with seconds">
            {(control) => <Input {...control} value={draft.expression} onChange={(e) => set({ expression: e.target.value })} spellCheck={false} autoComplete="off" className="font-mono" />}
          </Field>
          <div className="flex flex-wrap gap-1">
            {CRON_IDEAS.map(([expression, words]) => <Toggle key={expression} wide on={draft.expression === expression} onClick={() => set({ expression })}>{words}</Toggle>)}
          </div>
        </>
      );
  }
}

export function RuleFields(props: RuleFieldsProps) {
  return (
    <div className="flex flex-col items-start gap-3 [&>*]:max-w-full">
      <div className="w-full overflow-x-auto [scrollbar-width:none]"><Segmented label="How often" value={props.draft.frequency} onChange={(frequency) => props.set({ frequency })} options={KINDS} /></div>
      <Fields {...props} />
    </div>
  );
}

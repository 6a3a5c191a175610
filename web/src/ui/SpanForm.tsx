// Choosing a span of time: from and to on the viewer's clock, with the days that are asked for most.
import { useState } from "react";
import { midnight, wallInstant, wallText } from "@/lib/wallClock";
import { Button } from "./Button";
import { Field, Input } from "./Field";
import { useZone } from "./Time";

interface SpanFormProps {
  /** Milliseconds since the epoch. */
  from: number | null;
  until: number | null;
  onPick: (from: number, until: number | null) => void;
}

const HOUR = 3_600_000;

export function SpanForm({ from, until, onPick }: SpanFormProps) {
  const zone = useZone();
  const now = Date.now();
  const [a, setA] = useState(() => wallText(from ?? now - 24 * HOUR, zone));
  const [b, setB] = useState(() => (from !== null && until === null ? "" : wallText(until ?? now, zone)));
  const [begin, end] = [wallInstant(a, zone), wallInstant(b, zone)];
  const wrong = begin === null ? "Choose a day and a time" : begin >= (end ?? now) ? "It lies before the end" : undefined;
  const days: [string, number, number | null][] = [
    ["Today", midnight(now, zone), null],
    ["Yesterday", midnight(now, zone, -1), midnight(now, zone)],
    ["Last 3 days", midnight(now, zone, -2), null],
  ];
  return (
    <form className="flex flex-col gap-2.5 p-2" onSubmit={(e) => { e.preventDefault(); if (!wrong && begin !== null) onPick(begin, end); }}>
      <div className="flex gap-1">
        {days.map(([name, first, last]) => <Button key={name} type="button" size="sm" weight="plain" className="flex-1 px-1.5" onClick={() => onPick(first, last)}>{name}</Button>)}
      </div>
      <Field label="From" error={wrong}>{(c) => <Input {...c} type="datetime-local" value={a} max={b || undefined} onChange={(e) => setA(e.target.value)} />}</Field>
      <Field label="To" hint={`Empty is now${zone ? ` · ${zone}` : ""}`}>{(c) => <Input {...c} type="datetime-local" value={b} min={a} onChange={(e) => setB(e.target.value)} />}</Field>
      <Button type="submit" weight="primary" size="sm" disabled={Boolean(wrong)}>Show this time</Button>
    </form>
  );
}

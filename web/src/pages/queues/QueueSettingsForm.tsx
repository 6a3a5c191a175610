// The settings of a work queue, changed in place.
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { api, type Queue, type Strategy } from "@/api";
import { useMay } from "@/shell/session";
import { Button, Card, Field, Input, Select, useToasts } from "@/ui";
import { STRATEGY } from "./bits";

export function QueueSettingsForm({ queue }: { queue: Queue }) {
  const s = queue.settings;
  const [limit, setLimit] = useState(s.concurrency_limit == null ? "" : String(s.concurrency_limit));
  const [strategy, setStrategy] = useState<Strategy>(s.strategy);
  const [description, setDescription] = useState(s.description);
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const toasts = useToasts();
  const may = useMay("operate");
  const number = limit.trim() === "" ? null : Number(limit);
  const wrong = number !== null && (!Number.isInteger(number) || number < 0) ? "A whole number, or nothing" : undefined;
  const changed = number !== (s.concurrency_limit ?? null) || strategy !== s.strategy || description !== s.description;
  const save = async () => {
    setBusy(true);
    try {
      await api.updateQueue(queue.id, { concurrency_limit: number, strategy, description });
      await client.invalidateQueries({ queryKey: ["queues"] });
      toasts.done(`${queue.name} is changed`);
    } catch (error) {
      toasts.error(`${queue.name} was not changed`, error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title="Settings">
      <form className="flex flex-col gap-3" onSubmit={(e) => { e.preventDefault(); if (changed && !wrong) void save(); }}>
        <Field label="Runs at once" hint="Over all robots; empty is any number" error={wrong}>{(c) => <Input {...c} disabled={!may} inputMode="numeric" value={limit} onChange={(e) => setLimit(e.target.value)} />}</Field>
        <Field label="How a robot is chosen" hint={STRATEGY[strategy].meaning}>
          {(c) => <Select {...c} disabled={!may} value={strategy} onChange={(e) => setStrategy(e.target.value as Strategy)}>{Object.entries(STRATEGY).map(([value, words]) => <option key={value} value={value}>{words.name}</option>)}</Select>}
        </Field>
        <Field label="Description">{(c) => <Input {...c} disabled={!may} value={description} onChange={(e) => setDescription(e.target.value)} />}</Field>
        {may && <Button type="submit" className="self-start" busy={busy} disabled={!changed || Boolean(wrong)}>Save</Button>}
      </form>
    </Card>
  );
}

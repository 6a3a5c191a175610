// The parts of the deployment form: what runs where, and what limits it and happens when it fails.
import { useQuery } from "@tanstack/react-query";
import { q, type OnLost, type Priority, type StopSignal } from "@/api";
import { capitalised } from "@/lib/format";
import { Checkbox, Field, Input, Select, Textarea } from "@/ui";
import type { EditDraft } from "./editDraft";
import { ON_LOST_WORDS } from "./SettingsFacts";

interface PartProps {
  draft: EditDraft;
  set: (change: Partial<EditDraft>) => void;
  error: (name: string) => string | undefined;
}

const STOP_SIGNALS: StopSignal[] = ["term", "int", "hup", "quit", "usr1", "usr2"];
const GRID = "grid gap-x-4 gap-y-3 sm:grid-cols-2";

export function WhereForm({ draft, set, error, flow }: PartProps & { flow: string }) {
  const versions = useQuery(q.versions(flow));
  const queues = useQuery(q.queues());
  const robots = useQuery(q.robots());
  return (
    <div className={GRID}>
      <Field label="Description" className="sm:col-span-2" error={error("description")}>{(c) => <Textarea {...c} rows={2} value={draft.description} onChange={(e) => set({ description: e.target.value })} />}</Field>
      <Field label="Version" hint="A pinned version stays when the flow is deployed again" error={error("version_id")}>
        {(c) => (
          <Select {...c} value={draft.versionId} onChange={(e) => set({ versionId: e.target.value })}>
            <option value="">Newest active one</option>
            {versions.data?.items.map((v) => <option key={v.id} value={v.id}>Version {v.number}, {v.status}</option>)}
          </Select>
        )}
      </Field>
      <Field label="Work queue" hint="Made if there is none of this name" error={error("queue")}>{(c) => <Input {...c} list="queues" value={draft.queue} onChange={(e) => set({ queue: e.target.value })} />}</Field>
      <datalist id="queues">{queues.data?.items.map((one) => <option key={one.id} value={one.name} />)}</datalist>
      <Field label="Priority">
        {(c) => (
          <Select {...c} value={draft.priority} onChange={(e) => set({ priority: e.target.value as Priority })}>
            {["low", "normal", "high", "critical"].map((p) => <option key={p} value={p}>{capitalised(p)}</option>)}
          </Select>
        )}
      </Field>
      <Field label="Tags" hint="Commas between; limits may hold on them" error={error("tags")}>{(c) => <Input {...c} value={draft.tags} onChange={(e) => set({ tags: e.target.value })} />}</Field>
      <Field label="Labels a robot must have" hint="Such as sap, region=eu" error={error("labels")}>{(c) => <Input {...c} value={draft.labels} onChange={(e) => set({ labels: e.target.value })} />}</Field>
      <Field label="Capabilities a robot must have" hint="Such as python, browser" error={error("capabilities")}>{(c) => <Input {...c} value={draft.capabilities} onChange={(e) => set({ capabilities: e.target.value })} />}</Field>
      <Field label="Robot">
        {(c) => (
          <Select {...c} value={draft.robotId} onChange={(e) => set({ robotId: e.target.value })}>
            <option value="">Any that fits</option>
            {robots.data?.items.map((r) => <option key={r.id} value={r.id}>Only {r.name}</option>)}
          </Select>
        )}
      </Field>
      <Field label="Environment" hint="Empty is any" error={error("environment")}>{(c) => <Input {...c} value={draft.environment} onChange={(e) => set({ environment: e.target.value })} />}</Field>
      <div className="sm:col-span-2"><Checkbox visible label="Each run occupies a desktop session of its own" checked={draft.desktop} onChange={(desktop) => set({ desktop })} /></div>
    </div>
  );
}

export function PolicyForm({ draft, set, error }: PartProps) {
  const retries = Number(draft.maxRetries) > 0;
  return (
    <div className={GRID}>
      <Field label="Runs at once" hint="Empty is any number" error={error("concurrency_limit")}>{(c) => <Input {...c} inputMode="numeric" value={draft.concurrency} onChange={(e) => set({ concurrency: e.target.value })} />}</Field>
      <Field label="Timeout, in seconds" hint="Of one attempt; 0 is without limit" error={error("timeout_seconds")}>{(c) => <Input {...c} inputMode="numeric" value={draft.timeout} onChange={(e) => set({ timeout: e.target.value })} />}</Field>
      <Field label="Must start within, in seconds" hint="Later it ends as timed out; empty is no limit" error={error("start_within_seconds")}>{(c) => <Input {...c} inputMode="numeric" value={draft.startWithin} onChange={(e) => set({ startWithin: e.target.value })} />}</Field>
      <Field label="Cancel grace, in seconds" hint="Then its processes are killed" error={error("cancel_grace_seconds")}>{(c) => <Input {...c} inputMode="numeric" value={draft.grace} onChange={(e) => set({ grace: e.target.value })} />}</Field>
      <Field label="Asked to end with" hint="Robocorp ends well with SIGINT only">
        {(c) => (
          <Select {...c} value={draft.stopSignal} onChange={(e) => set({ stopSignal: e.target.value as StopSignal })}>
            {STOP_SIGNALS.map((signal) => <option key={signal} value={signal}>{`SIG${signal.toUpperCase()}`}</option>)}
          </Select>
        )}
      </Field>
      <Field label="Tries after a failure" hint="0 is never again" error={error("max_retries")}>{(c) => <Input {...c} inputMode="numeric" value={draft.maxRetries} onChange={(e) => set({ maxRetries: e.target.value })} />}</Field>
      <Field label="When the robot is lost" hint="It was not heard for as long as the run may go on so">
        {(c) => (
          <Select {...c} value={draft.onLost} onChange={(e) => set({ onLost: e.target.value as OnLost })}>
            {Object.entries(ON_LOST_WORDS).map(([value, words]) => <option key={value} value={value}>{words}</option>)}
          </Select>
        )}
      </Field>
      <Field label="Lost after, in seconds unheard" hint="60 to 604800; empty is 60 where another attempt may follow, else 4 hours" error={error("lost_after_seconds")}>{(c) => <Input {...c} inputMode="numeric" value={draft.lostAfter} onChange={(e) => set({ lostAfter: e.target.value })} />}</Field>
      {retries && (
        <>
          <Field label="First wait, in seconds" error={error("initial_delay")}>{(c) => <Input {...c} inputMode="decimal" value={draft.initialDelay} onChange={(e) => set({ initialDelay: e.target.value })} />}</Field>
          <Field label="Each wait times" error={error("backoff_factor")}>{(c) => <Input {...c} inputMode="decimal" value={draft.factor} onChange={(e) => set({ factor: e.target.value })} />}</Field>
          <Field label="Longest wait, in seconds" error={error("max_delay")}>{(c) => <Input {...c} inputMode="decimal" value={draft.maxDelay} onChange={(e) => set({ maxDelay: e.target.value })} />}</Field>
        </>
      )}
    </div>
  );
}

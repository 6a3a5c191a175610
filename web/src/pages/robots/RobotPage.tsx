// One robot: its machine, its load, its runs, its log; drain, resume, and a run just for it.
import { useState } from "react";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { CirclePlay, EllipsisVertical, PauseCircle, Play, Trash2 } from "lucide-react";
import { api, q, type Robot } from "@/api";
import type { Search } from "@/lib/search";
import { useMay } from "@/shell/session";
import { Button, Confirm, IconButton, Input, Menu, MenuItem, Page, RobotLight, Skeleton, TabPanel, Tabs, useToasts } from "@/ui";
import { ConfirmGone } from "../shared/ConfirmGone";
import { isGone, NotHere } from "../shared/NotHere";
import { RobotFacts } from "./RobotFacts";
import { RobotLogs } from "./RobotLogs";
import { RobotRuns } from "./RobotRuns";
import { SendRun } from "./SendRun";
import { TroubleBanner } from "./Trouble";

function RobotActions({ robot }: { robot: Robot }) {
  const operate = useMay("operate");
  const admin = useMay("administer");
  const [ask, setAsk] = useState<"drain" | "delete" | "run" | "gone">();
  const [comment, setComment] = useState("");
  const client = useQueryClient();
  const toasts = useToasts();
  const navigate = useNavigate();
  const act = async (what: string, call: () => Promise<unknown>) => {
    try {
      await call();
      await client.invalidateQueries({ queryKey: ["robots"] });
    } catch (error) {
      toasts.error(`${robot.name} was not ${what}`, error);
      throw error;
    }
  };
  if (!operate) return null;
  return (
    <>
      {robot.draining ? (
        <Button weight="primary" icon={<CirclePlay size={14} />} onClick={() => void act("resumed", () => api.resumeRobot(robot.id)).catch(() => undefined)}>Resume</Button>
      ) : (
        <Button icon={<PauseCircle size={14} />} onClick={() => setAsk("drain")}>Drain…</Button>
      )}
      <Button icon={<Play size={14} />} onClick={() => setAsk("run")}>Send a run…</Button>
      {!robot.connected && robot.live > 0 && <Button onClick={() => setAsk("gone")}>The robot is gone…</Button>}
      {admin && (
        <Menu trigger={<IconButton label="More actions" weight="plain"><EllipsisVertical size={15} /></IconButton>}>
          <MenuItem danger icon={<Trash2 size={14} />} disabled={robot.connected} onSelect={() => setAsk("delete")}>{robot.connected ? "Delete (stop it first)" : "Delete…"}</MenuItem>
        </Menu>
      )}
      <Confirm open={ask === "drain"} onOpenChange={(open) => !open && setAsk(undefined)} title={`Drain ${robot.name}?`} weight="primary" action="Drain" description={robot.live ? `It finishes its ${robot.live} current run${robot.live === 1 ? "" : "s"} and takes nothing new until it is resumed.` : "It takes nothing new until it is resumed."} onConfirm={() => act("drained", () => api.drainRobot(robot.id, comment))}>
        <Input aria-label="Why (shown beside its status)" placeholder="Why? (shown beside its status)" value={comment} onChange={(e) => setComment(e.target.value)} />
      </Confirm>
      <Confirm open={ask === "delete"} onOpenChange={(open) => !open && setAsk(undefined)} title={`Delete ${robot.name}?`} action="Delete" description="Its key stops to work. The history of its runs stays." onConfirm={() => act("deleted", async () => { await api.deleteRobot(robot.id); void navigate({ to: "/robots" }); })} />
      <ConfirmGone robot={robot.id} name={robot.name} open={ask === "gone"} onClose={() => setAsk(undefined)} />
      {ask === "run" && <SendRun robot={robot} onClose={() => setAsk(undefined)} />}
    </>
  );
}

export function RobotPage() {
  const { robot: id } = useParams({ strict: false }) as { robot: string };
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const found = useQuery(q.robot(id));
  const robot = found.data;
  const crumbs = <Link to="/robots" className="hover:underline">Robots</Link>;
  if (found.error && (!robot || isGone(found.error))) return <NotHere kind="robot" error={found.error} onRetry={() => void found.refetch()} />;
  if (!robot) return <Page key="bones" title="Robot" fill crumbs={crumbs}><div role="status" aria-label="Loading" className="px-4 sm:px-6"><Skeleton className="h-62 w-full" /></div></Page>;
  const tab = search.tab === "logs" ? "logs" : "runs";
  return (
    <Page title={robot.name} fill crumbs={crumbs} aside={<><RobotLight status={robot.status} drained={robot.drained} />{robot.draining && robot.drain_comment && <span className="truncate text-sm text-muted max-sm:hidden">{robot.drain_comment}</span>}</>} actions={<RobotActions robot={robot} />}>
      <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
        <div className="px-4 pb-4 sm:px-6"><TroubleBanner robot={robot} />{robot.draining && robot.drain_comment && <p className="mb-3 text-sm break-words text-muted sm:hidden">{robot.drain_comment}</p>}<RobotFacts robot={robot} /></div>
        <Tabs label="About this robot" value={tab} onChange={(next) => void navigate({ to: "/robots/$robot", params: { robot: id }, search: next === "runs" ? {} : { tab: next }, replace: true })} className="min-h-[max(380px,50%)] flex-1 [&>div:first-child]:pl-[calc(var(--edge)-10px)]" tabs={[{ value: "runs", label: "Runs" }, { value: "logs", label: "Agent's log" }]}>
          <TabPanel value={tab} tabIndex={-1} className="flex min-h-0 flex-1 flex-col bg-surface outline-none">
            {tab === "runs" ? <RobotRuns robot={robot} /> : <RobotLogs robot={robot} />}
          </TabPanel>
        </Tabs>
      </div>
    </Page>
  );
}

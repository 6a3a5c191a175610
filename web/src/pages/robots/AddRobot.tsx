// How another machine becomes a robot: one line to paste; the page turns green when it connects.
import { useEffect, useRef, useState } from "react";
import { Link } from "@tanstack/react-router";
import { useMutation, useQuery } from "@tanstack/react-query";
import { CircleCheck, LoaderCircle, ShieldX } from "lucide-react";
import { api, q, type Robot } from "@/api";
import { useNow } from "@/lib/preferences";
import { formatDuration } from "@/lib/time";
import { useMay } from "@/shell/session";
import { Button, buttonClass, Card, CommandLine, Copyable, EmptyState, ErrorState, Field, Input, Page, Skeleton } from "@/ui";

/** The first robot that connects after this page made its line. */
function useNewcomer(since: number | undefined, wanted: string): Robot | undefined {
  const robots = useQuery({ ...q.robots(), refetchInterval: since ? 2_000 : 15_000 }).data?.items;
  const known = useRef<Map<string, number>>(undefined);
  if (since && !known.current && robots) known.current = new Map(robots.map((r) => [r.id, r.connected ? r.session : -1]));
  if (!since || !known.current) return undefined;
  return robots?.find((r) => r.connected && known.current?.get(r.id) !== r.session && (!wanted || r.name === wanted || !known.current?.has(r.id)));
}

function Waiting({ until }: { until: string }) {
  const now = useNow(1000);
  const left = (Date.parse(until) - now) / 1000;
  return (
    <p role="status" className="flex items-center gap-2 text-sm text-muted">
      {left > 0 ? <><LoaderCircle size={15} className="animate-spin-slow text-running" aria-hidden /> Waiting for it to connect. The line works once, for another {formatDuration(left)}.</> : "The line has expired. Make another one."}
    </p>
  );
}

/** Whether the address in a line leads to the computer itself on which it is pasted. */
const isLoopback = (line: string): boolean => /https?:\/\/(localhost|127\.|\[::1\])/.test(line);

export function AddRobot() {
  const admin = useMay("administer");
  const [name, setName] = useState("");
  const made = useMutation({ mutationFn: (robot: string) => api.createEnrolment({ robot_name: robot || undefined }) });
  const begun = useRef(false);
  useEffect(() => {
    if (!admin || begun.current) return;
    begun.current = true;
    made.mutate("");
  });
  const newcomer = useNewcomer(made.data ? made.submittedAt : undefined, name);
  const crumbs = <Link to="/robots" className="hover:underline">Robots</Link>;
  if (!admin) return <Page title="Add a robot" crumbs={crumbs}><EmptyState icon={<ShieldX size={18} />} title="Only an admin adds robots">Ask someone whose key has the role <code>admin</code>.</EmptyState></Page>;
  return (
    <Page title="Add a robot" crumbs={crumbs}>
      <div className="max-w-3xl space-y-4">
        <Card title="1 · Paste this line into a terminal of the new machine">
          <div className="space-y-3">
            {made.error ? <ErrorState error={made.error} onRetry={() => made.mutate(name)} className="py-4" /> : made.data ? <CommandLine command={made.data.command} /> : <Skeleton className="h-[42px] w-full" />}
            {isLoopback(made.data?.command ?? location.origin) && (
              <p role="note" className="rounded-md border border-late/40 bg-late/10 px-3 py-2 text-sm">This server listens on this computer alone, so the line works only here. For another machine, start it with <code>--host 0.0.0.0</code> and <code>--tls-cert</code>, <code>--tls-key</code>.</p>
            )}
            <p className="text-sm text-muted">It fetches the executable from this server, enrols the machine and connects. The machine only dials out; no port needs to be opened.</p>
            {made.data?.fingerprint && <p className="text-sm text-muted">This server's certificate: <Copyable text={made.data.fingerprint} className="align-middle" /></p>}
            <form className="flex flex-wrap items-end gap-2" onSubmit={(e) => { e.preventDefault(); made.mutate(name.trim()); }}>
              <Field label="Name it may enrol under (any, if empty)" className="min-w-0 grow sm:max-w-72">{(control) => <Input {...control} value={name} onChange={(e) => setName(e.target.value)} spellCheck={false} />}</Field>
              <Button type="submit" busy={made.isPending}>Make another line</Button>
            </form>
          </div>
        </Card>
        <Card title="2 · It appears here" className={newcomer ? "border-completed" : undefined}>
          {newcomer ? (
            <div role="status" className="flex flex-wrap items-center gap-3">
              <CircleCheck size={22} className="text-completed" aria-hidden />
              <div className="min-w-0 flex-1">
                <p className="font-medium">{newcomer.name} is connected</p>
                <p className="truncate text-sm text-muted">{newcomer.offer.computer} · {newcomer.offer.platform} · {newcomer.offer.max_concurrent_jobs} at once</p>
              </div>
              <Link to="/robots/$robot" params={{ robot: newcomer.id }} className={buttonClass("primary")}>Open it</Link>
            </div>
          ) : made.data ? <Waiting until={made.data.expires_at} /> : <Skeleton className="h-5 w-64" />}
        </Card>
      </div>
    </Page>
  );
}

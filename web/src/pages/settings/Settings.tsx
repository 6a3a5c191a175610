// Settings: who is signed in, keys, another browser, how this browser shows things, the server, the licence.
import type { ReactNode } from "react";
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api";
import { BASE } from "@/api/http";
import { cx } from "@/lib/format";
import { usePreferences, type Theme } from "@/lib/preferences";
import { localText, utcText, type Zone } from "@/lib/time";
import { useMay, useSession } from "@/shell/session";
import { Badge, Card, Copyable, ErrorState, ExactTime, Fact, Page, RelativeTime, Segmented, Skeleton } from "@/ui";
import { Keys } from "./Keys";
import { SignInLinkCard } from "./SignInLinkCard";

const Column = ({ children }: { children: ReactNode }) => <div className="flex min-w-0 flex-col gap-4">{children}</div>;

function Browser() {
  const { theme, zone, setTheme, setZone } = usePreferences();
  return (
    <Card title="This browser">
      <dl>
        <Fact name="Theme"><Segmented<Theme> label="Theme" value={theme} onChange={setTheme} options={[{ value: "system", label: "System" }, { value: "light", label: "Light" }, { value: "dark", label: "Dark" }]} /></Fact>
        <Fact name="Times"><Segmented<Zone> label="Time zone" value={zone} onChange={setZone} options={[{ value: "local", label: "Local" }, { value: "utc", label: "UTC" }, { value: "server", label: "Server" }]} /></Fact>
      </dl>
    </Card>
  );
}

const MEANS = { admin: "may do everything", developer: "may deploy, run and operate", operator: "may run and operate", viewer: "may look", robot: "is a robot" };

function Who() {
  const session = useSession();
  return (
    <Card title="You">
      <dl>
        <Fact name="Signed in as">{session.name}</Fact>
        <Fact name="Role"><span className="inline-flex items-center gap-2"><Badge>{session.role}</Badge><span className="text-muted">{MEANS[session.role]}</span></span></Fact>
        <Fact name="Until">{session.expires_at ? <ExactTime at={session.expires_at} /> : "You sign out"}</Fact>
      </dl>
    </Card>
  );
}

function About() {
  const about = useQuery(q.about());
  const a = about.data;
  return (
    <Card title="This server">
      {about.error && !a ? <ErrorState error={about.error} onRetry={() => void about.refetch()} className="py-4" /> : !a ? <Skeleton className="h-40 w-full" /> : (
        <dl>
          <Fact name="Version">Baton {a.version}</Fact>
          <Fact name="Platform">{a.platform}</Fact>
          <Fact name="Started"><RelativeTime at={a.started_at} /></Fact>
          <Fact name="Time zone">{a.timezone}</Fact>
          <Fact name="Late after">{a.late_after_seconds} s past the due time</Fact>
          <Fact name="Robot protocol">{a.robot_protocol}</Fact>
          {a.fingerprint && <Fact name="Certificate"><Copyable text={a.fingerprint} label="Copy fingerprint" /></Fact>}
          <Fact name="API"><a href={`${BASE}/openapi.json`} className="text-accent hover:underline">OpenAPI document</a></Fact>
        </dl>
      )}
    </Card>
  );
}

/** Which rules the server goes by, and the schedules that moved when these changed. */
function Zones() {
  const report = useQuery(q.zoneReport());
  const r = report.data;
  return (
    <Card title="Time zone data">
      {report.error && !r ? <ErrorState error={report.error} onRetry={() => void report.refetch()} className="py-4" /> : !r ? <Skeleton className="h-16 w-full" /> : (
        <>
          <dl>
            <Fact name="In use">{r.zone_data.description}</Fact>
            {r.before && <Fact name="Before">{r.before}</Fact>}
            {r.before && r.changed_at && <Fact name="Changed"><RelativeTime at={r.changed_at} /></Fact>}
          </dl>
          {r.zone_data.warning && <p role="status" className="mt-2 text-sm text-late first-letter:uppercase">{r.zone_data.warning}</p>}
          {r.moved.length > 0 && (
            <>
              <h3 className="mt-3 mb-1 text-xs font-medium text-muted">Schedules that moved</h3>
              <ul className="divide-y divide-line text-sm">
                {r.moved.map((m) => (
                  <li key={m.schedule_id} className="flex flex-wrap items-baseline gap-x-3 py-1.5">
                    <span className="min-w-0 font-medium break-words">{m.name}</span>
                    <span className="text-xs text-muted">{m.timezone}: was {utcText(m.was_at)}, is {utcText(m.now_at)}{m.now_local && ` (${localText(m.now_local)})`}</span>
                  </li>
                ))}
              </ul>
            </>
          )}
        </>
      )}
    </Card>
  );
}

function Licence() {
  return (
    <Card title="Licence">
      <p className="text-sm text-muted">
        Baton is free software under the Apache License 2.0: use it, change it, share it, also at work. It comes without warranty. The typefaces Inter and JetBrains Mono are under the SIL Open Font License 1.1.
      </p>
    </Card>
  );
}

export function Settings() {
  const admin = useMay("administer");
  return (
    <Page title="Settings">
      <div className={cx("grid items-start gap-4", admin ? "lg:grid-cols-[minmax(0,1fr)_380px]" : "lg:grid-cols-2")}>
        <Column>{admin ? <Keys /> : <><Who /><SignInLinkCard /><Licence /></>}</Column>
        <Column>
          {admin && <><Who /><SignInLinkCard /></>}
          <Browser />
          <About />
          <Zones />
          {admin && <Licence />}
        </Column>
      </div>
    </Page>
  );
}

// What to do in an installation in which nothing has ever run: three steps, the ones done ticked off.
import type { ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { Circle, CircleCheck } from "lucide-react";
import { q } from "@/api";
import { cx, plural } from "@/lib/format";
import { Allowed } from "@/shell/session";
import { buttonClass, Card, CommandLine } from "@/ui";

interface StepProps {
  number: number;
  name: string;
  done: boolean;
  children: ReactNode;
}

const Step = ({ number, name, done, children }: StepProps) => (
  <li className="flex min-w-0 gap-3">
    <span className={cx("mt-px inline-flex shrink-0", done ? "text-completed" : "text-faint")}>{done ? <CircleCheck size={18} aria-hidden /> : <Circle size={18} aria-hidden />}</span>
    <div className="min-w-0 flex-1">
      <h3 className={cx("text-sm font-medium", done && "text-muted")}>{number} · {name}{done && <span className="sr-only">, done</span>}</h3>
      <div className="mt-1 space-y-2 text-sm text-muted">{children}</div>
    </div>
  </li>
);

export function FirstSteps() {
  const robots = useQuery(q.dashboard()).data?.total_robots ?? 0;
  const deployments = useQuery(q.deployments()).data?.items.length ?? 0;
  const schedules = useQuery(q.schedules()).data?.items.filter((s) => s.next_at).length ?? 0;
  return (
    <Card title="The first run in three steps" className="pb-1">
      <ol className="mt-1 grid gap-6 lg:grid-cols-3 lg:gap-8">
        <Step number={1} name="Add a robot" done={robots > 0}>
          <p>A robot is a machine that executes runs: this one, or any other that reaches this server.</p>
          {robots === 0 && <Allowed to="administer"><Link to="/robots/add" className={buttonClass("primary", "sm")}>Add a robot</Link></Allowed>}
        </Step>
        <Step number={2} name="Deploy a flow" done={deployments > 0}>
          {deployments === 0 ? <><p>Any script or folder, in a terminal:</p><CommandLine command="baton deploy ./my_flow" /></> : <p>{plural(deployments, "deployment")}{schedules > 0 && `, ${plural(schedules, "schedule")}`}.{robots === 0 && schedules > 0 && " No robot is there to run them."}</p>}
        </Step>
        <Step number={3} name="Run it" done={false}>
          <p>By hand, or by a schedule; what happens shows here at once.</p>
          <Link to="/deployments" className={buttonClass(robots > 0 && deployments > 0 ? "primary" : "plain", "sm")}>Go to deployments</Link>
        </Step>
      </ol>
      <p className="mt-5 border-t border-line pt-3 text-xs text-muted">Only looking around? <code>baton demo-data</code> shows a busy fleet that is made up, in a folder of its own.</p>
    </Card>
  );
}

// A robot that cannot set up runs: why, since when, and until when it rests.
import { TriangleAlert } from "lucide-react";
import type { Robot } from "@/api";
import { Duration, RelativeTime } from "@/ui";

export type RobotTrouble = NonNullable<Robot["metrics"]["trouble"]>;

/** What a robot last said is only true while it is within reach. */
export const troubleOf = (robot: Pick<Robot, "connected" | "metrics">): RobotTrouble | undefined =>
  (robot.connected && robot.metrics.trouble) || undefined;

/** In a row: a mark and the reason. */
export const TroubleMark = ({ trouble }: { trouble: RobotTrouble }) => (
  <span title={trouble.reason} className="flex min-w-0 items-center gap-1.5 text-late">
    <TriangleAlert size={13} className="shrink-0" aria-hidden />
    <span className="truncate"><span className="sr-only">In trouble: </span>{trouble.reason}</span>
  </span>
);

/** Above everything else on the robot's page. */
export function TroubleBanner({ robot }: { robot: Robot }) {
  const trouble = troubleOf(robot);
  if (!trouble) return null;
  const rests = Date.parse(trouble.rests_until) > Date.now();
  return (
    <section role="status" aria-label="Trouble of the robot" className="mb-3 flex items-start gap-2.5 rounded-lg border border-late/40 bg-late/10 px-4 py-3">
      <TriangleAlert size={15} className="mt-[3px] shrink-0 text-late" aria-hidden />
      <div className="min-w-0">
        <p className="font-medium break-words first-letter:uppercase">{trouble.reason}</p>
        <p className="text-xs text-muted">
          It began <RelativeTime at={trouble.since} />. {rests ? <>The robot takes nothing for another <Duration from={new Date().toISOString()} to={trouble.rests_until} />, then it tries again; its runs went back to their queues.</> : "It tries again with the next run."}
        </p>
      </div>
    </section>
  );
}

// What a schedule comes to, live: the rule in words and its next ten times in both zones, with what clock changes do.
import { CircleAlert, Clock, TriangleAlert } from "lucide-react";
import type { PreviewSlot, SchedulePreview } from "@/api";
import { formatShort } from "@/lib/time";
import { readLocal } from "@/lib/scheduleDraft";
import { RelativeTime, Skeleton } from "@/ui";
import { useZone } from "@/ui/Time";

interface PreviewProps {
  preview?: SchedulePreview;
  missing?: string;
  error?: string;
  loading: boolean;
}

/** The year is said where it is not this one. */
const dayOf = (day: string): string => day.replace(new RegExp(` ${new Date().getFullYear()}$`), "");

function SlotRows({ slot, both, zone }: { slot: PreviewSlot; both: boolean; zone?: string }) {
  const local = readLocal(slot.local);
  const line = slot.edge ? "" : "border-b border-line";
  return (
    <>
      <tr className={line}>
        <td className="py-1.5 pr-2 whitespace-nowrap" title={`${local.offset} ${slot.abbreviation}`}>{dayOf(local.day)} <span className="font-medium">{local.clock}</span></td>
        {both && <td className="py-1.5 pr-2 whitespace-nowrap text-muted">{formatShort(Date.parse(slot.at), zone)}</td>}
        <td className="py-1.5 text-right text-muted"><RelativeTime at={slot.at} /></td>
      </tr>
      {slot.edge && (
        <tr className="border-b border-line">
          <td colSpan={both ? 3 : 2} className="pb-2 text-late"><span className="flex items-start gap-1.5"><TriangleAlert size={13} className="mt-0.5 shrink-0" aria-hidden />{slot.edge}</span></td>
        </tr>
      )}
    </>
  );
}

export function Preview({ preview, missing, error, loading }: PreviewProps) {
  const zone = useZone();
  const viewer = zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const both = preview && preview.timezone !== viewer;
  if (missing || error) {
    return (
      <div role="status" className="flex items-start gap-2 rounded-md border border-line bg-sunken p-3 text-sm text-muted">
        <CircleAlert size={15} className={`mt-0.5 shrink-0 ${error ? "text-danger" : ""}`} aria-hidden />
        <span className="min-w-0 break-words first-letter:uppercase">{missing ?? error}</span>
      </div>
    );
  }
  if (!preview) return <div className="space-y-2">{Array.from({ length: 6 }, (_, i) => <Skeleton key={i} className="h-5 w-full" />)}</div>;
  return (
    <div className={loading ? "opacity-60 transition-opacity" : "transition-opacity"}>
      <p aria-live="polite" className="flex items-start gap-2 text-sm font-medium"><Clock size={15} className="mt-0.5 shrink-0 text-muted" aria-hidden />{preview.description}</p>
      {preview.slots.length === 0 ? (
        <p className="mt-2 flex items-start gap-2 rounded-md border border-line bg-sunken p-3 text-sm text-late"><TriangleAlert size={15} className="mt-0.5 shrink-0" aria-hidden />It never fires again: no time that fits lies ahead.</p>
      ) : (
        <table className="mt-2 w-full text-xs">
          <caption className="sr-only">The next times</caption>
          <thead>
            <tr className="border-b border-line text-left text-muted">
              <th className="py-1.5 pr-2 font-medium">{preview.timezone}</th>
              {both && <th className="py-1.5 pr-2 font-medium">For you, {viewer}</th>}
              <th className="py-1.5 text-right font-medium">In</th>
            </tr>
          </thead>
          <tbody>
            {preview.slots.map((slot) => <SlotRows key={slot.at} slot={slot} both={Boolean(both)} zone={zone} />)}
          </tbody>
        </table>
      )}
    </div>
  );
}

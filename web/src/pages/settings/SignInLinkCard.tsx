// A link that signs in one other browser, once.
import { useState } from "react";
import { Link2 } from "lucide-react";
import { api, type SignInLink } from "@/api";
import { Button, Card, CommandLine, RelativeTime, useToasts } from "@/ui";

export function SignInLinkCard() {
  const [link, setLink] = useState<SignInLink | null>(null);
  const [busy, setBusy] = useState(false);
  const toasts = useToasts();
  const make = async () => {
    setBusy(true);
    try {
      setLink(await api.signInLink());
    } catch (error) {
      toasts.error("The link was not made", error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title="Another browser">
      <p className="mb-3 text-sm text-muted">A link signs in one browser, once, with your role: for your phone, or for the screen on the wall. Who has the link is you; it soon stops to work.</p>
      {link ? (
        <div className="flex flex-col gap-2">
          <CommandLine command={link.url} />
          <p className="flex flex-wrap items-center gap-x-3 text-xs text-muted"><span>It stops to work <RelativeTime at={link.expires_at} />.</span><button type="button" onClick={() => setLink(null)} className="rounded-sm font-medium text-accent hover:underline">Done</button></p>
        </div>
      ) : (
        <Button icon={<Link2 size={14} />} busy={busy} onClick={() => void make()}>Make a sign-in link</Button>
      )}
    </Card>
  );
}

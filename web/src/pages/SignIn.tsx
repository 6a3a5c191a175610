// Signing in: with the one-click link that the server printed, or with a key.
import { useEffect, useRef, useState } from "react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { KeyRound, LoaderCircle } from "lucide-react";
import { api, ApiError, q } from "@/api";
import { Button } from "@/ui/Button";
import { CommandLine } from "@/ui/Copyable";
import { Field, Input } from "@/ui/Field";
import { useTitle } from "@/ui/Page";
import { errorText } from "@/ui/Toast";
import { Mark } from "@/shell/Shell";

/** The token in the fragment of a one-click link: `#bl_…`, or `#token=…`. */
export const tokenIn = (hash: string): string | undefined => /^#?(?:token=)?(bl_[^&]+|(?<=token=).+)$/.exec(hash)?.[1];

/** Only addresses of this dashboard: a link must not lead elsewhere. */
export const safeTarget = (to: string | undefined): string => (to && /^\/(?![/\\])/.test(to) ? to : "/");

export function SignIn() {
  useTitle("Sign in");
  const search = useSearch({ strict: false }) as { to?: string; why?: string };
  const navigate = useNavigate();
  const client = useQueryClient();
  const [token, setToken] = useState(() => tokenIn(location.hash));
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(Boolean(token));
  const [error, setError] = useState<string>();
  const tried = useRef(false);

  const enter = async (body: { token?: string; key?: string }) => {
    setBusy(true);
    setError(undefined);
    try {
      const session = await api.signIn(body);
      client.clear();
      client.setQueryData(q.session().queryKey, session);
      await navigate({ href: safeTarget(search.to), replace: true } as never);
    } catch (problem) {
      const used = body.token && problem instanceof ApiError && problem.status === 401;
      setError(used ? "This link was used already, or it is too old. Make another one with the command below." : errorText(problem));
      setBusy(false);
    }
  };

  // A link that is pasted into this tab changes no more than the fragment.
  useEffect(() => {
    const heard = () => {
      const next = tokenIn(location.hash);
      if (!next) return;
      tried.current = false;
      setToken(next);
    };
    addEventListener("hashchange", heard);
    return () => removeEventListener("hashchange", heard);
  }, []);

  useEffect(() => {
    if (!token || tried.current) return;
    tried.current = true;
    // The token must not stay in the history of the browser.
    history.replaceState(history.state, "", location.pathname + location.search);
    void enter({ token: decodeURIComponent(token) });
  });

  return (
    <main className="grid h-full place-items-center overflow-auto p-4">
      <div className="w-full max-w-[400px] rounded-xl border border-line bg-surface p-6 shadow-card">
        <div className="flex items-center gap-3">
          <Mark size={32} />
          <div>
            <h1 className="text-lg font-semibold">Sign in to Baton</h1>
            {search.why === "expired" && <p className="text-sm text-muted">Your session has ended.</p>}
          </div>
        </div>
        {busy && token && !error ? (
          <p role="status" className="mt-6 flex items-center gap-2 text-sm text-muted"><LoaderCircle size={16} className="animate-spin" aria-hidden /> Signing in with your link…</p>
        ) : (
          <form
            className="mt-6 space-y-3"
            onSubmit={(e) => {
              e.preventDefault();
              if (key.trim()) void enter({ key: key.trim() });
              else setError("Paste a key first.");
            }}
          >
            <Field label="API key" error={error}>
              {(control) => <Input {...control} type="password" autoComplete="current-password" autoFocus spellCheck={false} value={key} onChange={(e) => setKey(e.target.value)} className="h-9 font-mono" />}
            </Field>
            <Button type="submit" weight="primary" busy={busy} icon={<KeyRound size={14} />} className="h-9 w-full">Sign in</Button>
          </form>
        )}
        <div className="mt-6 border-t border-line pt-4 text-sm text-muted">
          <p className="mb-2">Or make a one-click link on the machine of the server:</p>
          <CommandLine command="baton login" />
        </div>
      </div>
    </main>
  );
}

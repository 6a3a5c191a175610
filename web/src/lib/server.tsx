// What the server says of itself, asked once: lists of a thousand times must not each subscribe to it.
import { createContext, useContext, useMemo, type ReactNode } from "react";
import { useQuery } from "@tanstack/react-query";
import { q } from "@/api";

interface ServerFacts {
  /** The IANA name of its zone, once it is known. */
  timezone?: string;
  /** Seconds after which a due run counts as late. */
  lateAfter: number;
}

const ServerContext = createContext<ServerFacts>({ lateAfter: 15 });
export const useServer = (): ServerFacts => useContext(ServerContext);

export function ServerProvider({ children }: { children: ReactNode }) {
  const about = useQuery(q.about()).data;
  const facts = useMemo(() => ({ timezone: about?.timezone, lateAfter: about?.late_after_seconds ?? 15 }), [about?.timezone, about?.late_after_seconds]);
  return <ServerContext.Provider value={facts}>{children}</ServerContext.Provider>;
}

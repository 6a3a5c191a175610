// Who is signed in, and what they may do.
import type { ReactNode } from "react";
import { useSuspenseQuery } from "@tanstack/react-query";
import { q } from "@/api";
import { may, type Permission } from "@/lib/roles";
import { PLACES, type Place } from "./navigation";

export const useSession = () => useSuspenseQuery(q.session()).data;
/** The places that the role may see. */
export const usePlaces = (): readonly Place[] => {
  const { role } = useSession();
  return PLACES.filter((place) => !place.needs || may(role, place.needs));
};

export const useMay = (permission: Permission): boolean => may(useSession().role, permission);

/** Shows its content only to those who may use it. */
export const Allowed = ({ to, children }: { to: Permission; children: ReactNode }) => (useMay(to) ? children : null);

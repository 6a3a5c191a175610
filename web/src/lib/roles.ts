// What each role may do, as the server has it: pages hide what would be refused.
import type { Role } from "@/api";

export type Permission = "read" | "run" | "operate" | "deploy" | "administer";

const RANK: Record<Role, number> = { robot: -1, viewer: 0, operator: 1, developer: 2, admin: 3 };
const NEEDS: Record<Permission, number> = { read: 0, run: 1, operate: 1, deploy: 2, administer: 3 };

export const may = (role: Role, permission: Permission): boolean => RANK[role] >= NEEDS[permission];

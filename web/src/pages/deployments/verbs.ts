// What can be done to deployments and schedules, with what it makes stale and what is said afterwards.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Deployment, type Schedule } from "@/api";
import { showAtOnce } from "@/lib/optimistic";
import { useToasts } from "@/ui";

export function useRefreshDeployments() {
  const client = useQueryClient();
  return () => Promise.all([client.invalidateQueries({ queryKey: ["deployments"] }), client.invalidateQueries({ queryKey: ["schedules"] })]);
}

/** Turns all schedules of a deployment on or off; the switch moves at once and moves back when refused. */
export function useDeploymentSwitch(deployment: Deployment) {
  const client = useQueryClient();
  const refresh = useRefreshDeployments();
  const toasts = useToasts();
  return useMutation({
    mutationFn: (on: boolean) => (on ? api.resumeDeployment(deployment.id) : api.pauseDeployment(deployment.id)),
    onMutate: (on) => showAtOnce(client, ["deployments"], (d: Deployment) => (d.id === deployment.id ? { ...d, settings: { ...d.settings, paused: !on } } : d)),
    onError: (error, _on, undo) => {
      undo?.();
      toasts.error("The switch was not turned", error);
    },
    onSettled: refresh,
  });
}

export function useScheduleSwitch(schedule: Schedule) {
  const refresh = useRefreshDeployments();
  const toasts = useToasts();
  return useMutation({
    mutationFn: (on: boolean) => (on ? api.resumeSchedule(schedule.id) : api.pauseSchedule(schedule.id)),
    onError: (error) => toasts.error("The switch was not turned", error),
    onSettled: refresh,
  });
}

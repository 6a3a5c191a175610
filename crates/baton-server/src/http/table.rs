//! The route table: the whole API, each route with the permission it takes. Without one it does not compile.

use axum::http::Method;
use baton_core::access::Permission::{ActAsRobot, Administer, Deploy, Operate, Read, Run};

use super::access::Access;
use super::route::Route;
use super::{
    artifacts, audit, deploy, deployments, enrolment, events, exposition, figures, flows, keys,
    limits, logs, openapi, packages, peek, queues, reports, results, robots, runs, runs_bulk,
    runs_verbs, schedules, server, sessions, zones,
};

use Access::{Either, Needs, Public};

/// One route: method, path under `/api/v1`, who may use it, handler, and a sentence.
macro_rules! api {
    ($method:ident $path:literal, $access:expr, $module:ident :: $handler:ident, $summary:literal) => {
        Route::new(
            Method::$method,
            concat!("/api/v1", $path),
            $access,
            stringify!($handler),
            $summary,
            $module::$handler,
        )
    };
}

/// A route that is no operation of the API: pages, probes, upgrades.
macro_rules! plain {
    ($method:ident $path:literal, $access:expr, $module:ident :: $handler:ident, $summary:literal) => {
        Route::plain(
            Method::$method,
            $path,
            $access,
            stringify!($handler),
            $summary,
            $module::$handler,
        )
    };
}

/// All routes.
pub(crate) fn table() -> Vec<Route> {
    let mut table = catalog();
    table.extend(runs_table());
    table.extend(fleet());
    table.extend(upkeep());
    table
}

fn catalog() -> Vec<Route> {
    vec![
        api!(GET "/flows", Needs(Read), flows::list_flows, "Flows by name."),
        api!(POST "/flows", Needs(Deploy), flows::create_flow, "Makes a flow without versions, or finds it."),
        api!(GET "/flows/{flow}", Needs(Read), flows::get_flow, "One flow, by id or name."),
        api!(PATCH "/flows/{flow}", Needs(Deploy), flows::update_flow, "Changes what people say of a flow."),
        api!(DELETE "/flows/{flow}", Needs(Deploy), flows::delete_flow, "Deletes a flow with its versions, deployments, schedules and ended runs."),
        api!(GET "/flows/{flow}/delete-preview", Needs(Read), flows::preview_delete_flow, "What deleting a flow would take with it."),
        api!(GET "/flows/{flow}/versions", Needs(Read), flows::list_versions, "The versions of a flow, newest first."),
        api!(GET "/versions/{version}", Needs(Read), flows::get_version, "One version."),
        api!(PATCH "/versions/{version}", Needs(Deploy), flows::update_version, "Changes whether new runs may use a version."),
        api!(POST "/packages", Needs(Deploy), packages::create_package, "Uploads a package."),
        api!(PUT "/packages/{hash}", Needs(Deploy), packages::put_package, "Uploads the package with this SHA-256."),
        api!(GET "/packages/{hash}", Either(ActAsRobot, Deploy), packages::get_package, "Fetches a package."),
        api!(POST "/deploy", Needs(Deploy), deploy::deploy, "Makes flow, version, deployment and schedule as one."),
        api!(GET "/deployments", Needs(Read), deployments::list_deployments, "Deployments by flow name, then name."),
        api!(GET "/deployments/{deployment}", Needs(Read), deployments::get_deployment, "One deployment, by id or `flow/name`."),
        api!(PATCH "/deployments/{deployment}", Needs(Deploy), deployments::update_deployment, "Changes a deployment; what is absent stays."),
        api!(DELETE "/deployments/{deployment}", Needs(Deploy), deployments::delete_deployment, "Deletes a deployment and its schedules; its runs stay."),
        api!(GET "/deployments/{deployment}/delete-preview", Needs(Read), deployments::preview_delete_deployment, "What deleting a deployment would take with it."),
        api!(GET "/deployments/{deployment}/schedules", Needs(Read), deployments::list_deployment_schedules, "The schedules of a deployment."),
        api!(POST "/deployments/{deployment}/run", Needs(Run), runs::run_deployment, "Makes a run of a deployment."),
        api!(POST "/deployments/{deployment}/pause", Needs(Operate), deployments::pause_deployment, "Holds all schedules of a deployment."),
        api!(POST "/deployments/{deployment}/resume", Needs(Operate), deployments::resume_deployment, "Lets the schedules of a deployment fire again."),
        api!(GET "/schedules", Needs(Read), schedules::list_schedules, "Schedules by next slot."),
        api!(POST "/schedules", Needs(Deploy), schedules::create_schedule, "Makes a schedule."),
        api!(POST "/schedules/preview", Needs(Read), schedules::preview_schedule, "The coming slots of a rule before it is used."),
        api!(GET "/schedules/zones", Needs(Read), zones::get_zone_report, "The time zone data in use, and the schedules that moved when it changed."),
        api!(GET "/schedules/instant", Needs(Read), zones::get_instant, "Which instant a time on the clock of a zone is, by the server's rules."),
        api!(GET "/schedules/{schedule}", Needs(Read), schedules::get_schedule, "One schedule."),
        api!(PATCH "/schedules/{schedule}", Needs(Deploy), schedules::update_schedule, "Changes a schedule; what is absent stays."),
        api!(DELETE "/schedules/{schedule}", Needs(Deploy), schedules::delete_schedule, "Deletes a schedule; its runs stay."),
        api!(GET "/schedules/{schedule}/next", Needs(Read), schedules::next_slots, "The coming slots of a schedule."),
        api!(POST "/schedules/{schedule}/pause", Needs(Operate), schedules::pause_schedule, "Holds a schedule."),
        api!(POST "/schedules/{schedule}/resume", Needs(Operate), schedules::resume_schedule, "Lets a schedule fire again."),
    ]
}

fn runs_table() -> Vec<Route> {
    vec![
        api!(GET "/runs", Needs(Read), runs::list_runs, "Runs, newest first unless asked otherwise."),
        api!(POST "/runs", Needs(Run), runs::create_run, "Makes a run."),
        api!(POST "/runs/batch", Needs(Run), runs_bulk::create_runs, "Makes up to a thousand runs."),
        api!(POST "/runs/cancel", Needs(Run), runs_bulk::cancel_runs, "Cancels many runs, or says what that would do."),
        api!(POST "/runs/retry", Needs(Run), runs_bulk::retry_runs, "Retries many runs, or says what that would do."),
        api!(POST "/runs/delete", Needs(Deploy), runs_bulk::delete_runs, "Deletes many ended runs, or says what that would do."),
        api!(POST "/runs/report", Needs(Run), reports::report_start, "Says that the caller's process executes a run now."),
        api!(GET "/runs/{run}", Needs(Read), runs::get_run, "One run, by id or name."),
        api!(DELETE "/runs/{run}", Needs(Deploy), runs_verbs::delete_run, "Deletes an ended run with all that belongs to it."),
        api!(POST "/runs/{run}/cancel", Needs(Run), runs_verbs::cancel_run, "Asks for a run's end."),
        api!(POST "/runs/{run}/retry", Needs(Run), runs_verbs::retry_run, "Opens another attempt of an ended run."),
        api!(POST "/runs/{run}/pause", Needs(Run), runs_verbs::pause_run, "Asks a run to pause."),
        api!(POST "/runs/{run}/resume", Needs(Run), runs_verbs::resume_run, "Lets a paused run go on."),
        api!(POST "/runs/{run}/postpone", Needs(Run), runs_verbs::postpone_run, "Puts a waiting run off."),
        api!(GET "/runs/{run}/explain", Needs(Read), runs::explain_run, "Why a run waits, and what would start it."),
        api!(GET "/runs/{run}/attempts", Needs(Read), runs::list_attempts, "The attempts of a run, first to last."),
        api!(GET "/runs/{run}/events", Needs(Read), runs::list_run_events, "The transitions of a run, first to last."),
        api!(GET "/runs/{run}/notes", Needs(Read), audit::list_run_notes, "What stands beside a run's transitions, newest first: refused messages, who asked for what."),
        api!(GET "/runs/{run}/task-runs", Needs(Read), results::list_task_runs, "The task runs of a run."),
        api!(GET "/runs/{run}/result", Needs(Read), results::get_result, "The result of a run (`JobResult`)."),
        api!(GET "/runs/{run}/logs", Needs(Read), logs::list_logs, "Lines of a run's log."),
        api!(GET "/runs/{run}/logs/text", Needs(Read), logs::get_log_text, "A run's log as text."),
        api!(GET "/runs/{run}/logs/stream", Needs(Read), events::stream_logs, "A run's log and states, followed to its end."),
        api!(GET "/runs/{run}/artifacts", Needs(Read), artifacts::list_artifacts, "The files that a run left behind."),
        api!(PUT "/runs/{run}/artifacts", Either(ActAsRobot, Run), artifacts::put_artifact, "Hands over a file of a run."),
        api!(POST "/runs/{run}/report/logs", Needs(Run), reports::report_logs, "Hands over log lines of a run that the caller's process executes."),
        api!(POST "/runs/{run}/report/tasks", Needs(Run), reports::report_tasks, "Says what became of tasks of such a run."),
        api!(POST "/runs/{run}/report/finish", Needs(Run), reports::report_finish, "Says how such a run has ended."),
        api!(GET "/artifacts/{artifact}", Needs(Read), artifacts::get_artifact, "Fetches a file that a run left behind."),
    ]
}

fn fleet() -> Vec<Route> {
    vec![
        api!(GET "/queues", Needs(Read), queues::list_queues, "All work queues."),
        api!(POST "/queues", Needs(Deploy), queues::create_queue, "Makes a work queue."),
        api!(GET "/queues/{queue}", Needs(Read), queues::get_queue, "One work queue, by id or name."),
        api!(PATCH "/queues/{queue}", Needs(Operate), queues::update_queue, "Changes a work queue; what is absent stays."),
        api!(DELETE "/queues/{queue}", Needs(Deploy), queues::delete_queue, "Deletes a work queue that nothing uses."),
        api!(POST "/queues/{queue}/pause", Needs(Operate), queues::pause_queue, "Dispatches nothing from a work queue."),
        api!(POST "/queues/{queue}/resume", Needs(Operate), queues::resume_queue, "Dispatches from a work queue again."),
        api!(GET "/queues/{queue}/peek", Needs(Read), peek::peek_queue, "The runs that a work queue would give out next."),
        api!(GET "/queues/{queue}/runs", Needs(Read), runs::list_queue_runs, "The runs of a work queue, by state if asked."),
        api!(GET "/limits", Needs(Read), limits::list_limits, "All limits on tags."),
        api!(PUT "/limits", Needs(Operate), limits::put_limit, "Sets how many runs with a tag may be live at once."),
        api!(DELETE "/limits/{limit}", Needs(Operate), limits::delete_limit, "Removes a limit."),
        api!(GET "/robots", Needs(Read), robots::list_robots, "All robots."),
        api!(POST "/robots/enroll", Public, enrolment::enrol_robot, "Exchanges a one-time token for a robot with a key of its own."),
        api!(POST "/robots/broadcast", Needs(Operate), robots::broadcast, "Sends a word to all connected robots."),
        api!(GET "/robots/{robot}", Needs(Read), robots::get_robot, "One robot, by id or name."),
        api!(DELETE "/robots/{robot}", Needs(Administer), robots::delete_robot, "Deletes a robot that holds nothing, and its key."),
        api!(POST "/robots/{robot}/drain", Needs(Operate), robots::drain_robot, "Lets a robot finish what it has and take nothing new."),
        api!(POST "/robots/{robot}/resume", Needs(Operate), robots::resume_robot, "Lets a robot take runs again."),
        api!(POST "/robots/{robot}/lost", Needs(Operate), robots::robot_lost, "Says that a robot that is not connected is gone, and with it all that it ran."),
        api!(POST "/robots/{robot}/run", Needs(Run), robots::run_on_robot, "Makes a run that only this robot may take."),
        api!(POST "/robots/{robot}/tell", Needs(Operate), robots::tell_robot, "Sends a word to one robot."),
        api!(GET "/robots/{robot}/logs", Needs(Read), robots::list_robot_logs, "Lines of an agent's own log."),
        api!(POST "/enrolments", Needs(Administer), enrolment::create_enrolment, "Makes a one-time token with which a machine may enrol."),
        plain!(GET "/ws/robot", Needs(ActAsRobot), robots::connect, "A robot's connection."),
    ]
}

fn upkeep() -> Vec<Route> {
    vec![
        api!(GET "/keys", Needs(Administer), keys::list_keys, "All API keys and robot keys, newest first."),
        api!(POST "/keys", Needs(Administer), keys::create_key, "Makes a key; its secret is shown only now."),
        api!(DELETE "/keys/{key}", Needs(Administer), keys::revoke_key, "Takes a key back; it stops to work at once."),
        api!(POST "/sessions", Public, sessions::create_session, "Signs a browser in."),
        api!(GET "/session", Either(Read, ActAsRobot), sessions::get_session, "Who is calling."),
        api!(DELETE "/session", Needs(Read), sessions::delete_session, "Signs the browser out."),
        api!(POST "/sign-in-links", Needs(Read), sessions::create_sign_in_link, "Makes a link that signs one browser in, once."),
        api!(GET "/metrics/dashboard", Needs(Read), figures::get_dashboard_metrics, "The ten figures of the dashboard (`DashboardMetrics`)."),
        api!(GET "/metrics/states", Needs(Read), figures::get_state_counts, "How many runs are in each state."),
        api!(GET "/metrics/samples", Needs(Read), figures::list_samples, "Samples of one metric over time."),
        api!(GET "/metrics/outcomes", Needs(Read), figures::list_outcomes, "How runs ended over time."),
        api!(GET "/events", Needs(Read), events::stream_events, "Everything that happens, in order, resumable."),
        api!(GET "/audit", Needs(Operate), audit::list_audit, "What was done, when and by whom, newest first."),
        api!(GET "/server/about", Needs(Read), server::get_about, "What the server is."),
        api!(POST "/server/verify", Needs(Administer), server::verify, "Checks the invariants over everything stored."),
        api!(POST "/server/backup", Needs(Administer), server::create_backup, "A consistent copy of everything, while running."),
        plain!(GET "/api/v1/agent/baton", Public, server::get_executable, "The executable, for a second machine."),
        plain!(GET "/api/v1/openapi.json", Public, openapi::get_openapi, "This document."),
        plain!(GET "/", Public, robots::page_or_connect, "The dashboard; with an upgrade, a robot's connection."),
        plain!(GET "/install.sh", Public, server::get_install_script, "Makes a machine a robot."),
        plain!(GET "/metrics", Needs(Read), exposition::get_metrics, "Figures for Prometheus."),
        plain!(GET "/healthz", Public, server::get_health, "Whether the process answers."),
        plain!(GET "/readyz", Public, server::get_ready, "Whether the store answers and keeps what is written."),
    ]
}

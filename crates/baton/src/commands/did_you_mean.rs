//! A name that is not there, and one that is and looks like it.

use baton_api::rest::{DeploymentQuery, FlowQuery};
use baton_core::nearest::nearest;

use super::Session;
use crate::cli::PAGE;
use crate::exit::Exit;
use crate::failure::Failure;

/// Adds to a failure to find something the name that was most likely meant. Not knowing one changes nothing.
pub(super) async fn add(session: &Session, failure: Failure) -> Failure {
    if failure.exit != Exit::NotFound {
        return failure;
    }
    let Some((kind, name)) = missing(&failure.what) else {
        return failure;
    };
    let names = names(session, kind).await;
    let Some(meant) = nearest(name, names.iter().map(String::as_str)) else {
        return failure;
    };
    let meant = format!("did you mean {meant}?");
    let fix = match failure.fix.as_str() {
        "" => meant,
        fix => format!("{meant} {fix}"),
    };
    failure.fix(fix)
}

/// Kinds of things with names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Flow,
    Deployment,
    Schedule,
    Robot,
    Queue,
}

/// What is missing, as the server and this command line say it.
fn missing(what: &str) -> Option<(Kind, &str)> {
    let kinds = [
        ("flow ", Kind::Flow),
        ("deployment ", Kind::Deployment),
        ("schedule ", Kind::Schedule),
        ("robot ", Kind::Robot),
        ("work queue ", Kind::Queue),
        ("queue ", Kind::Queue),
    ];
    for (word, kind) in kinds {
        if let Some(name) = what
            .strip_prefix(word)
            .and_then(|w| w.strip_suffix(" not found"))
        {
            return Some((kind, name.trim_matches('"')));
        }
    }
    // A run is also named by its flow.
    let quoted = |before: &str| what.strip_prefix(before)?.split('"').nth(1);
    quoted("there is no schedule ")
        .map(|name| (Kind::Schedule, name))
        .or_else(|| quoted("there is no run ").map(|name| (Kind::Flow, name)))
}

/// The names there are; those of the first page are enough for a guess.
async fn names(session: &Session, kind: Kind) -> Vec<String> {
    let client = &session.client;
    let limit = Some(PAGE);
    match kind {
        Kind::Flow => {
            let query = FlowQuery {
                limit,
                ..FlowQuery::default()
            };
            let flows = client.flows(&query).await;
            flows.map_or(Vec::new(), |all| {
                all.items.into_iter().map(|f| f.name).collect()
            })
        }
        Kind::Deployment | Kind::Schedule => {
            let query = DeploymentQuery {
                limit,
                ..DeploymentQuery::default()
            };
            let all = client
                .deployments(&query)
                .await
                .map_or(Vec::new(), |all| all.items);
            if kind == Kind::Deployment {
                return all.into_iter().map(|d| d.full_name).collect();
            }
            let schedules = all.iter().flat_map(|d| {
                d.schedules
                    .iter()
                    .map(|s| format!("{}/{}", d.full_name, s.name))
            });
            schedules.collect()
        }
        Kind::Robot => {
            let robots = client.robots().await;
            robots.map_or(Vec::new(), |all| {
                all.items.into_iter().map(|r| r.name).collect()
            })
        }
        Kind::Queue => {
            let queues = client.queues().await;
            queues.map_or(Vec::new(), |all| {
                all.items.into_iter().map(|q| q.name).collect()
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_read_from_what_is_said() {
        assert_eq!(
            missing("flow invoice_reprt not found"),
            Some((Kind::Flow, "invoice_reprt"))
        );
        assert_eq!(
            missing("robot sap 1 not found"),
            Some((Kind::Robot, "sap 1"))
        );
        assert_eq!(
            missing("there is no run \"a\" on http://x"),
            Some((Kind::Flow, "a"))
        );
        assert_eq!(missing("the port is taken"), None);
    }
}

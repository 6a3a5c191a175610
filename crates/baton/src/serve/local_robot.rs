//! The robot inside `baton up`: enrolled on the first start, known again on every later one.

use baton_agent::{Agent, AgentConfig, AgentHandle, Identity, Secret, Trust};
use baton_api::rest::{CreateEnrolment, EnrolRequest};
use baton_core::id;

use crate::cli::serve::Up;
use crate::commands::Session;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::serve::offer;
use crate::serve::server::Running;
use crate::settings;

/// Runs that it takes at once unless it is told otherwise: a laptop's examples and a few scripts.
const SLOTS: u32 = 4;
/// How many names are tried when this computer's is taken by another robot.
const NAMES: u32 = 100;

/// Starts the robot of this process.
pub(crate) async fn start(running: &Running, session: &Session, args: &Up) -> Done<AgentHandle> {
    let folder = running.data.join("robot");
    let (identity, key) = match Identity::load(&folder).map_err(failed)? {
        Some((identity, key)) if is_known(session, &identity).await? => (identity, key),
        _ => enrol(running, session).await?,
    };
    let mut config = AgentConfig::new(&running.handle.url, &identity.name, key.0, &folder);
    let offer = offer::of(&folder, &args.offer)?;
    offer::tell(&offer, SLOTS, offer::Unsaid::Each, &mut config);
    config.offer.in_server = true;
    config.guard = super::files::guard();
    if let Some(fingerprint) = &running.handle.tls_fingerprint {
        config.trust = Trust::fingerprint(fingerprint)?;
    }
    offer::say_whose_rights(&config, "this server's keys and data");
    let agent = Agent::start(config).await.map_err(failed)?;
    offer::keep(&folder, &args.offer)?;
    Ok(agent)
}

/// Whether the server still knows the robot; somebody may have removed it, or restored an older backup.
async fn is_known(session: &Session, identity: &Identity) -> Done<bool> {
    match session.client.robot(&identity.id.to_string()).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn enrol(running: &Running, session: &Session) -> Done<(Identity, Secret)> {
    let computer = settings::computer();
    for number in 1..=NAMES {
        let name = match number {
            // A name that is written as an id is refused.
            1 if id::own::<id::RobotId>(&computer).is_none() => computer.clone(),
            n => format!("{computer}-{n}"),
        };
        let enrolment = session
            .client
            .create_enrolment(&CreateEnrolment {
                robot_name: Some(name.clone()),
                expires_in_seconds: None,
            })
            .await;
        let enrolment = match enrolment {
            Ok(enrolment) => enrolment,
            Err(error) if error.status() == Some(409) => continue,
            Err(error) => return Err(error.into()),
        };
        let enrolled = session
            .client
            .enrol_robot(&EnrolRequest {
                token: enrolment.token,
                name,
                computer: computer.clone(),
            })
            .await;
        match enrolled {
            Ok(enrolled) => {
                let identity = Identity {
                    id: enrolled.robot_id,
                    name: enrolled.name,
                    server: running.handle.url.clone(),
                };
                let key = Secret(enrolled.key);
                identity
                    .save(&running.data.join("robot"), &key)
                    .map_err(failed)?;
                return Ok((identity, key));
            }
            Err(error) if error.status() == Some(409) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new(
        Exit::Refused,
        "robot_name_taken",
        format!("robots named {computer} to {computer}-{NAMES} exist already"),
    )
    .fix("remove those that are gone with `baton robots rm`"))
}

/// What the agent could not do.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
pub(crate) fn failed(error: anyhow::Error) -> Failure {
    let (exit, code) = if error.is::<baton_agent::FolderInUse>() {
        (Exit::Refused, "data_unavailable")
    } else {
        (Exit::Failed, "robot")
    };
    Failure::new(exit, code, format!("{error:#}"))
}

//! `runrpa -o 2`: flow `NAME`, deployment `NAME-HOST`, work queue `HOST`, again and again the same.

use baton_api::rest::DeploymentPatch;
use serde_json::{Map, Value, json};

use super::argv::Flags;
use super::flags::FLAGS;
use super::script::Script;
use crate::cli::Global;
use crate::commands::{self, Session};
use crate::failure::Done;
use crate::source::{self, Source, Wish};
use crate::{output, settings};

/// Deploys a script to run unattended on this computer. Schedules that exist stay.
pub(crate) fn deploy(global: &Global, script: &Script, flags: &Flags) -> Done {
    let computer = settings::computer();
    let source = source(script)?;
    let parameters = super::own_parameters(&source.schema, super::stored_parameters(script, flags));
    let patch = patch(&computer, parameters, flags)?;
    let deployment = format!("{}-{computer}", script.flow);
    let mut request = commands::deploy::request(&source, deployment, patch);
    source::origin::add(
        &mut request.source,
        &source,
        None,
        source::origin::By::Runrpa,
    );
    commands::deploy::warn_of_siblings(&source);
    commands::talk(global, |session: Session| async move {
        let made = commands::deploy::send(&session, &source, request).await?;
        if session.json {
            output::json(&made);
        } else {
            commands::deploy::show(&session, &made).await;
        }
        Ok(())
    })
}

/// The script as something to deploy, run by the runner that is configured here.
fn source(script: &Script) -> Done<Source> {
    let wish = Wish {
        flow: Some(script.flow.clone()),
        argv: if script.path.is_dir() {
            Vec::new()
        } else {
            source::runner::argv(&script.path, &script.runners)?
        },
        ..Wish::default()
    };
    let mut source = source::look(&script.path, &wish)?;
    if source.schema == json!({}) {
        source.schema = schema();
    }
    Ok(source)
}

/// The flags as a form in the dashboard. A script may take more.
fn schema() -> Value {
    let properties: Map<String, Value> = FLAGS
        .iter()
        .map(|flag| {
            let property = match flag.parameter() {
                "arguments" => json!({ "type": "array", "items": { "type": "string" }, "default": [] }),
                _ if flag.int => {
                    json!({ "type": "integer", "default": flag.default.parse::<i64>().unwrap_or(0) })
                }
                _ => json!({ "type": "string", "default": flag.default }),
            };
            let mut property = property;
            property["description"] = flag.help.into();
            (flag.parameter().to_owned(), property)
        })
        .collect();
    json!({ "type": "object", "properties": properties })
}

/// What is set of the deployment: everything the flags say, `-r` and `-t` included.
fn patch(computer: &str, parameters: Map<String, Value>, flags: &Flags) -> Done<DeploymentPatch> {
    let retry = flags.retry()?;
    Ok(DeploymentPatch {
        queue: Some(computer.to_owned()),
        tags: Some(
            Some(flags.text("tag").to_owned())
                .filter(|tag| !tag.is_empty())
                .into_iter()
                .collect(),
        ),
        parameters: Some(parameters),
        retry: Some(retry),
        ..DeploymentPatch::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::argv::{Asked, parse};
    use super::*;

    #[test]
    fn retries_tag_and_arguments_are_honoured() {
        let words = ["-f", "k", "-r", "2", "-t", "test"].map(str::to_owned);
        let Ok(Asked::Run(flags)) = parse(&words) else {
            panic!("it is well-formed");
        };
        let patch = patch("CDAPXXX03", Map::new(), &flags).expect("it is fine");
        assert_eq!(patch.queue.as_deref(), Some("CDAPXXX03"));
        assert_eq!(patch.retry.expect("set").max_retries, 2);
        assert!(patch.tags.expect("set").contains("test"));
    }

    #[test]
    fn the_schema_accepts_its_own_defaults() {
        let schema =
            baton_core::parameter::ParameterSchema::compile(&schema()).expect("it compiles");
        let filled = schema
            .fill_and_check(&Map::new(), &Map::new())
            .expect("defaults are fine");
        assert_eq!(filled["logprintlevel"], 30);
        assert_eq!(filled.len(), FLAGS.len());
    }
}

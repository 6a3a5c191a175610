//! Everything before the process: the package, the attempt's own folder, the environment, the command.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::flow::{Entry as FlowEntry, Python};
use baton_core::run::LogLevel;

use super::Attempt;
use super::command::{self, Places};
use super::environment::Wanted;
use super::unready::Unready;
use super::watch::Control;
use crate::cache::Held;
use crate::guard::{AGENT_MARK, Spec, TREE_MARK};
use crate::owner;
use crate::packages::{self, HeldPackage, copy_tree};

/// The name of the user of a run that has no account.
const OWN_NAME: &str = "baton-run";

/// What preparing gives: where to run what. What it holds must stay until the run is over.
pub(super) struct Prepared {
    /// What the guard is told.
    pub(super) spec: Spec,
    _environment: Option<Held>,
}

impl Attempt<'_> {
    /// Everything before the process. `Ok(None)`: the attempt is to end.
    pub(super) async fn prepare(&self, control: &mut Control) -> Result<Option<Prepared>, Unready> {
        let FlowEntry::Command {
            workdir, python, ..
        } = &self.job.workflow.entry
        else {
            let why = "only command flows can be executed by a robot";
            return Err(ErrorInfo::new(ErrorKind::Spawn, why).into());
        };
        let fetched = self.fetch(control).await?;
        if fetched.is_none() {
            return Ok(None);
        }
        let folder = inside(&self.places.package, workdir)?;
        let environment = match python {
            Some(Python::Requirements(file)) => {
                Some(self.built(command::DEFAULT_PYTHON, file, control).await?)
            }
            Some(Python::Environment {
                interpreter,
                requirements,
            }) => Some(self.built(interpreter, requirements, control).await?),
            _ => None,
        };
        let environment = match environment {
            Some(None) => return Ok(None),
            Some(built) => built,
            None => None,
        };
        let venv = environment.as_ref().map(|e| e.folder.as_path());
        let own = command::own(self.job, &self.places, &self.shared.config.server);
        let wrong = |why| ErrorInfo::new(ErrorKind::Spawn, why);
        let argv = command::argv(self.job, &folder, venv, &own).map_err(wrong)?;
        for warning in command::shared_variables(self.job) {
            self.log.say(LogLevel::Warning, warning);
        }
        let inherited = command::inherited().map(|(name, value)| match &self.own_user {
            Some(own) if name == "PATH" => (name, owner::open_to(&value, &own.account)),
            _ => (name, value),
        });
        let mut env =
            command::environment(inherited, self.job, &self.places, venv, &own).map_err(wrong)?;
        if let Some(owner) = self.account() {
            env.retain(|(name, _)| !["HOME", "USER", "LOGNAME"].iter().any(|own| name == own));
            let home = owner.home.as_ref().unwrap_or(&self.places.temporary);
            env.push(("HOME".into(), home.into()));
        }
        if self.own_user.is_some() {
            // There is no account that would tell programs a name.
            env.push(("USER".into(), OWN_NAME.into()));
            env.push(("LOGNAME".into(), OWN_NAME.into()));
        }
        env.extend(self.marks());
        Ok(Some(Prepared {
            spec: Spec {
                argv,
                env: env.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
                folder: folder.into_os_string().into(),
                owner: self.owner(),
                lease_until: 0,
                stop_signal: self.job.stop_signal,
            },
            _environment: environment,
        }))
    }

    /// The environment that is built of a list of packages. `Ok(None)`: the attempt is to end.
    async fn built(
        &self,
        interpreter: &str,
        requirements: &str,
        control: &mut Control,
    ) -> Result<Option<Held>, Unready> {
        let file = inside(&self.places.package, requirements)?;
        let config = &self.shared.config;
        let wanted = Wanted {
            interpreter,
            requirements: &file,
            package: self.job.workflow.package.as_deref(),
            guard: &config.guard,
            mark: self.tree_mark(),
            marks: self.marks(),
            owner: self.account(),
            home: &self.places.temporary,
            log: self.log,
            within: config.limits.build_within,
        };
        self.shared.environments.get(&wanted, control).await
    }

    /// By what the processes of this attempt are found when their guard is lost.
    fn marks(&self) -> [(OsString, OsString); 2] {
        [
            (AGENT_MARK.into(), self.shared.mark.clone().into()),
            (TREE_MARK.into(), self.tree_mark().into()),
        ]
    }

    /// User and group whose rights the run gets, where they are not the agent's.
    fn owner(&self) -> Option<(u32, u32)> {
        self.account().map(|owner| (owner.uid, owner.gid))
    }

    /// The attempt's own folder with its own copy of the package. `Ok(None)`: the attempt is to end.
    async fn fetch(&self, control: &mut Control) -> Result<Option<()>, Unready> {
        let package_error = |e: anyhow::Error| {
            let why = format!("the flow's package cannot be fetched: {e:#}");
            let error = ErrorInfo::new(ErrorKind::Package, why);
            // What the server refuses and what is no package is so on every robot.
            if packages::is_at_fault(&e) {
                Unready::of_flow(error)
            } else {
                Unready::of_robot(error)
            }
        };
        let held = match &self.job.workflow.package {
            Some(hash) => {
                let within = self.shared.config.limits.fetch_within;
                let fetching = tokio::time::timeout(within, self.shared.packages.fetch(hash));
                match control.unless_ended(fetching).await {
                    None => return Ok(None),
                    Some(Ok(fetched)) => Some(fetched.map_err(package_error)?),
                    Some(Err(_)) => {
                        let message = format!(
                            "the flow's package did not come within {} s",
                            within.as_secs()
                        );
                        return Err(Unready::of_robot(ErrorInfo::new(
                            ErrorKind::Package,
                            message,
                        )));
                    }
                }
            }
            None => None,
        };
        let tree = held.as_ref().map(HeldPackage::tree);
        let places = Places::under(
            self.places
                .package
                .parent()
                .expect("it lies in the work folder"),
        );
        let parameters = serde_json::to_vec_pretty(&self.job.variables).unwrap_or_default();
        let owner = self.account().cloned();
        let set_up = move || -> std::io::Result<()> {
            match tree {
                Some(tree) => copy_tree(&tree, &places.package)?,
                None => fs::create_dir_all(&places.package)?,
            }
            fs::create_dir_all(&places.artifacts)?;
            fs::create_dir_all(&places.temporary)?;
            fs::write(&places.parameters, parameters)?;
            fs::write(&places.events, b"")?;
            owner::close(&places.work, owner.as_ref())
        };
        let done = tokio::task::spawn_blocking(set_up)
            .await
            .map_err(std::io::Error::other);
        done.and_then(|d| d).map_err(|e| {
            let why = format!("the run's folder cannot be made: {e}");
            Unready::of_robot(ErrorInfo::new(ErrorKind::Resource, why))
        })?;
        drop(held);
        Ok(Some(()))
    }
}

/// A path inside the package, given by its flow; nothing outside can be meant.
fn inside(package: &Path, path: &str) -> Result<PathBuf, ErrorInfo> {
    let relative = Path::new(path);
    let stays = relative.components().all(|c| {
        matches!(
            c,
            std::path::Component::Normal(_) | std::path::Component::CurDir
        )
    });
    let full = package.join(relative);
    if !stays || !full.exists() {
        let message = format!("{path:?} is not in the flow's package");
        return Err(ErrorInfo::new(ErrorKind::Package, message));
    }
    Ok(full)
}

//! What each command does. Everything here talks to a server through the typed client, or is one.

pub(crate) mod advice;
pub(crate) mod artifacts;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod catalog;
pub(crate) mod choose;
pub(crate) mod clock;
pub(crate) mod conditions;
mod contents;
pub(crate) mod deploy;
pub(crate) mod did_you_mean;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod policy;
pub(crate) mod queues;
pub(crate) mod report;
pub(crate) mod robots;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod runs_rm;
pub(crate) mod runs_show;
pub(crate) mod schedules;
pub(crate) mod schedules_file;
pub(crate) mod service;
pub(crate) mod verify;
pub(crate) mod watch;
pub(crate) mod when;

use std::future::Future;

use baton_api::client::{Client, ClientError};
use clap::CommandFactory as _;

use crate::cli::{Cli, Command, Global};
use crate::exit::{self, Exit};
use crate::failure::{Done, Failure};
use crate::{output, settings};

/// What a command that talks to a server holds.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The server's client.
    pub(crate) client: Client,
    /// Whether to print JSON.
    pub(crate) json: bool,
    /// Where the server's address came from, for messages.
    pub(crate) target: settings::Target,
    /// Whether the person has read which server was changed.
    told: std::cell::Cell<bool>,
}

impl Session {
    /// Opens a session with the server that the settings name. Nothing is sent yet.
    pub(crate) fn open(global: &Global) -> Done<Self> {
        Self::with(settings::target(global)?, global.json)
    }

    /// Opens a session with this server.
    pub(crate) fn with(target: settings::Target, json: bool) -> Done<Self> {
        let client = Client::new(&target.options())?;
        Ok(Self {
            client,
            json,
            target,
            told: std::cell::Cell::new(false),
        })
    }

    /// Says once which server was changed, unless this very command named it. Programs read it in what they set.
    pub(crate) fn say_where(&self) {
        if self.client.has_changed() && !self.target.named && !self.json && !self.told.replace(true)
        {
            output::note(&format!("on {}", self.target.url));
        }
    }

    /// Adds to a failure to reach the server where its address came from.
    fn say_whence(&self, failure: Failure) -> Failure {
        if failure.exit != Exit::Unreachable || self.target.named || failure.fix.is_empty() {
            return failure;
        }
        let fix = format!(
            "{}; this address comes from {}",
            failure.fix, self.target.from
        );
        failure.fix(fix)
    }

    /// Says nothing of the server: nothing but the answer was asked for.
    pub(crate) fn keep_quiet(&self) {
        self.told.set(true);
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = error.code().to_owned();
        match error {
            ClientError::Problem(problem) => {
                let mut what = problem.detail.clone();
                // A refusal of one field says all in its sentence.
                let told = |message: &str| problem.detail.contains(message);
                for wrong in problem.errors.iter().filter(|e| !told(&e.message)) {
                    what.push_str(&format!("\n  {}: {}", wrong.field, wrong.message));
                }
                let advice = advice(problem.status, &code, &problem.detail);
                Self::new(Exit::of_status(problem.status), code, what).fix(advice)
            }
            ClientError::Unreachable { url, reason } if reason.contains("certificate") => {
                untrusted(&url, &reason)
            }
            ClientError::Unreachable { url, reason } => Self::new(
                Exit::Unreachable,
                code,
                format!("no server answers at {url}: {reason}"),
            )
            .fix("start one with `baton up`, or name another with --url or BATON_URL"),
            ClientError::Options(what) => Self::usage(what).fix(
                "check --url, --api-key, --fingerprint and --tls-ca, or the variables and baton.toml \
                 that they come from",
            ),
            other => Self::new(Exit::Failed, code, other.to_string()),
        }
    }
}

/// What to do about a refusal of the server, in the words of this command line.
fn advice(status: u16, code: &str, detail: &str) -> &'static str {
    let begins = |word: &str| status == 404 && detail.starts_with(word);
    match code {
        _ if status == 401 => "run `baton login --api-key KEY --save`, or set BATON_API_KEY",
        "schedule_exists" => {
            "give the new one another --name, or change the old one with `baton schedules edit`"
        }
        _ if begins("robot ") => "`baton robots ls` shows what there is",
        _ if begins("queue ") || begins("work queue ") => "`baton queues ls` shows what there is",
        _ if begins("flow ") => "`baton flows ls` shows what there is",
        _ if begins("deployment ") => "`baton deployments ls` shows what there is",
        _ if begins("schedule ") => "`baton schedules ls` shows what there is",
        _ => "",
    }
}

/// The server's certificate is not one that this command may believe.
fn untrusted(url: &str, reason: &str) -> Failure {
    let failure = Failure::new(
        Exit::Unreachable,
        "untrusted_certificate",
        format!("the certificate of {url} is not one that is trusted here: {reason}"),
    );
    if reason.contains("its own is") {
        return failure.fix(
            "if the server has a new certificate, give the new --fingerprint, as the server prints it \
             when it starts; otherwise somebody else answers in its place",
        );
    }
    failure.fix(
        "give its --fingerprint, as the server prints it when it starts, or with --tls-ca FILE the \
         authority that signed it",
    )
}

/// Does what the command line asks, and says how the process ends.
pub(crate) fn main(cli: Cli) -> u8 {
    // A script's own exit code may be any number, so this one does not end as the others do.
    if let Command::Runrpa { words } = &cli.command {
        return crate::runrpa::main(&cli.global, words);
    }
    let json = cli.global.json;
    let exit = match settings::zones::install().and_then(|()| dispatch(cli)) {
        Ok(exit) => exit,
        Err(failure) => {
            failure.show(json);
            failure.exit
        }
    };
    exit.code()
}

fn dispatch(cli: Cli) -> Done<Exit> {
    let global = cli.global;
    let done = |()| Exit::Ok;
    match cli.command {
        Command::Up(args) => crate::serve::up::up(&global, &args),
        Command::Server(args) => crate::serve::server::server(&global, &args),
        Command::Robot(args) => crate::serve::robot::robot(&global, &args),
        Command::Restore(args) => backup::restore(&global, &args).map(done),
        Command::Service(command) => service::service(&global, command),
        Command::Env(args) => login::env(&global, &args).map(done),
        Command::Verify(args) => verify::verify(&global, &args),
        Command::Report(command) => report::report(command).map(done),
        Command::Completion(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "baton", &mut script);
            output::text_out(&String::from_utf8_lossy(&script));
            Ok(Exit::Ok)
        }
        Command::Bench(args) => crate::serve::runtime()?
            .block_on(crate::bench::run(args, global.json))
            .map(done)
            .map_err(|e| Failure::new(Exit::Failed, "bench", format!("{e:#}"))),
        Command::DemoData(args) => crate::demo_data::demo_data(&global, &args),
        Command::ExitCodes if global.json => {
            output::json(&exit::meanings());
            Ok(Exit::Ok)
        }
        Command::ExitCodes => {
            output::text_out(&exit::table());
            Ok(Exit::Ok)
        }
        // The executable answers to these before it comes here.
        Command::Runrpa { .. } | Command::Guard { .. } => {
            Err(Failure::usage("this is not to be called so"))
        }
        asked => talk(&global, |session| async move {
            let done = ask(&session, asked).await;
            // What failed half way may have changed something as well.
            session.say_where();
            match done {
                Ok(exit) => Ok(exit),
                Err(failure) => Err(session.say_whence(did_you_mean::add(&session, failure).await)),
            }
        }),
    }
}

/// The commands that ask a server, and do nothing else.
async fn ask(session: &Session, command: Command) -> Done<Exit> {
    match command {
        Command::Run(args) => return run::run(session, &args).await,
        Command::Runs(command) => return runs::runs(session, command).await,
        Command::Deploy(args) => deploy::deploy(session, &args).await?,
        Command::Deployments(command) => catalog::deployments(session, command).await?,
        Command::Schedules(command) => schedules::schedules(session, command).await?,
        Command::Queues(command) => queues::queues(session, command).await?,
        Command::Limits(command) => queues::limits(session, command).await?,
        Command::Robots(command) => robots::robots(session, command).await?,
        Command::Flows(command) => catalog::flows(session, command).await?,
        Command::Results(command) => artifacts::results(session, command).await?,
        Command::Artifacts(command) => artifacts::artifacts(session, command).await?,
        Command::Keys(command) => keys::keys(session, command).await?,
        Command::Audit(args) => audit::audit(session, &args).await?,
        Command::Backup(args) => backup::backup(session, &args).await?,
        Command::Login(args) => login::login(session, &args).await?,
        other => unreachable!("{other:?} asks no server"),
    }
    Ok(Exit::Ok)
}

/// Runs a command that talks to a server.
pub(crate) fn talk<T, F, R>(global: &Global, command: F) -> Done<T>
where
    F: FnOnce(Session) -> R,
    R: Future<Output = Done<T>>,
{
    let session = Session::open(global)?;
    alone()?.block_on(command(session))
}

/// A runtime for one command: one thread, started at once.
pub(crate) fn alone() -> Done<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Failed, "runtime", format!("cannot start: {e}")))
}

/// Asks a person before something is deleted. Programs must say `--yes`.
pub(crate) fn sure(yes: bool, question: &str) -> Done<bool> {
    use std::io::{IsTerminal as _, Write as _};
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            Exit::Refused,
            "not_confirmed",
            format!("{question} Nobody is there to answer"),
        )
        .fix("add --yes, or look first with --dry-run"));
    }
    let mut err = anstream::stderr();
    let _ = write!(err, "{question} [y/N] ");
    let _ = err.flush();
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|e| Failure::new(Exit::Failed, "stdin", e.to_string()))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

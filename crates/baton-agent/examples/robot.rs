//! The smallest robot there can be: an agent and its guards in one executable, for the agent's own tests.
//!
//! `robot SERVER NAME KEY FOLDER` runs an agent until it is killed; `robot guard` is a guard; `robot now` says the
//! time in nanoseconds, as early as a process can.

use baton_agent::guard;
use baton_agent::{Agent, AgentConfig};

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|a| a == guard::SUBCOMMAND) {
        return guard::main();
    }
    if args.first().is_some_and(|a| a == "now") {
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
        println!("{}", now.as_nanos());
        return std::process::ExitCode::SUCCESS;
    }
    let [server, name, key, folder] = args.as_slice() else {
        eprintln!("usage: robot SERVER NAME KEY FOLDER");
        return std::process::ExitCode::from(2);
    };
    let mut config = AgentConfig::new(server, name, key, folder);
    config.offer.max_concurrent_jobs = 4;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut agent = Agent::start(config).await.expect("the agent starts");
        agent.wait().await;
    });
    std::process::ExitCode::SUCCESS
}

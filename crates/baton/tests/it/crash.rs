//! The night something crashes: the real server and real agents, killed again and again under load;
//! then a checker goes over what clients, processes and the database say.

mod evidence;
mod install;
mod traffic;
mod wire;

use std::time::Duration;

use evidence::{check, drained};
use install::{Agent, Install, SOON};
use traffic::Traffic;
use wire::Wire;

/// Draws from a seed, so that a failure can be repeated (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice from `BATON_TEST_SEED`, or from the clock; the seed is printed.
    fn thrown() -> Self {
        let seed = std::env::var("BATON_TEST_SEED")
            .ok()
            .and_then(|s| s.parse().ok());
        let seed = seed.unwrap_or_else(|| jiff::Timestamp::now().as_microsecond().unsigned_abs());
        eprintln!("seed {seed} (repeat with BATON_TEST_SEED={seed})");
        Self(seed)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// How often the server is killed. `make campaign` may raise it.
fn kills() -> u64 {
    std::env::var("BATON_TEST_KILLS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(100)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_or_doubled_when_the_server_is_killed_a_hundred_times() {
    let mut dice = Dice::thrown();
    let mut install = Install::new();
    install.start().await;
    install.deploy_evidence().await;
    let agents = [
        install.agent("crash-1").await,
        install.agent("crash-2").await,
    ];
    let traffic = Traffic::begin(&install, 8);
    let kills = kills();
    for _ in 0..kills {
        traffic.some_accepted(1 + dice.below(12)).await;
        install.pause(Duration::from_millis(dice.below(40))).await;
        install.kill();
        install.start().await;
    }
    let log = traffic.end().await;
    drained(&install, &log).await;
    // A run whose evidence would be too thin proves nothing.
    assert!(
        log.accepted.len() as u64 >= kills * 2,
        "void: only {} runs accepted",
        log.accepted.len()
    );
    check(&install, &log).await;
    drop(agents);
    install.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_agent_leaves_no_process_and_no_run_without_an_end() {
    let mut dice = Dice::thrown();
    let mut install = Install::new();
    install.start().await;
    install.deploy_evidence().await;
    let mut agents = vec![
        install.agent("mortal-1").await,
        install.agent("mortal-2").await,
    ];
    let traffic = Traffic::begin(&install, 4);
    for _ in 0..kills() / 5 {
        traffic.some_accepted(3 + dice.below(10)).await;
        let victim = usize::try_from(dice.below(2)).expect("0 or 1");
        let name = agents[victim].name.clone();
        let mut dead = agents.swap_remove(victim);
        dead.kill();
        dead.tree_is_gone().await;
        agents.push(install.agent_again(&name).await);
    }
    let log = traffic.end().await;
    drained(&install, &log).await;
    check(&install, &log).await;
    install.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_lose_nothing_and_run_nothing_twice() {
    let mut dice = Dice::thrown();
    let mut install = Install::new();
    install.start().await;
    install.deploy_evidence().await;
    let wire = Wire::to(install.port()).await;
    let agents = [
        install.agent_through(&wire, "cut-1").await,
        install.agent_through(&wire, "cut-2").await,
    ];
    let traffic = Traffic::begin(&install, 4);
    for _ in 0..kills() / 2 {
        traffic.some_accepted(1 + dice.below(6)).await;
        install.pause(Duration::from_millis(dice.below(120))).await;
        wire.cut();
    }
    let log = traffic.end().await;
    drained(&install, &log).await;
    check(&install, &log).await;
    // A cut connection is no lost robot: work went on inside its lease, and nothing crashed.
    assert_eq!(install.count("crashed").await, 0);
    drop(agents);
    install.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_frozen_past_its_lease_has_lost_its_process_tree_by_then() {
    let mut install = Install::new();
    install.start().await;
    install.deploy_evidence().await;
    let agent: Agent = install.agent("frozen").await;
    let run = install.run_for("600").await;
    install.await_line(&run, "start").await;
    let tree = agent.flow_processes();
    assert!(!tree.is_empty(), "the flow's process is there");
    agent.freeze();
    // The guard holds the lease's deadline by its own clock; the server believes the attempt dead
    // only five seconds after that.
    install
        .await_state(&run, "crashed", Duration::from_secs(120))
        .await;
    for pid in tree {
        assert!(!Agent::is_alive(pid), "process {pid} outlived its lease");
    }
    agent.thaw();
    // What the thawed agent still has to say is evidence, and changes nothing.
    agent.is_connected(&install).await;
    install.await_state(&run, "crashed", SOON).await;
    install.verify_is_clean().await;
    install.stop().await;
}

//! What a run leaves behind never fails it: what can be kept is kept, and the rest is said in its log.

use baton_core::run::{LogLevel, LogStream};
use baton_core::state::State;
use serde_json::json;

use crate::server::{Link, Server};
use crate::support::{Robot, shell};

/// Runs a script; its outputs, and what was said in its log about what it left.
async fn left(script: &str) -> (serde_json::Value, Vec<String>, Link) {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let result = link.run(&shell(1, script)).await;
    assert_eq!(
        (result.state, result.error),
        (State::Completed, None),
        "{script}"
    );
    let said = link.messages(LogStream::System);
    let said = said.into_iter().map(str::to_owned).collect();
    (json!(result.outputs), said, link)
}

#[tokio::test]
async fn an_outputs_file_in_another_shape_is_a_warning_and_the_run_is_completed() {
    for (script, outputs) in [
        (
            r#"printf '{"rate": NaN, "n": 1}' > $BATON_OUTPUTS"#,
            json!({"rate": "NaN", "n": 1}),
        ),
        (
            r#"printf '[1, 2]' > $BATON_OUTPUTS"#,
            json!({"value": [1, 2]}),
        ),
        (
            r#"printf '\357\273\277{"n": 1}\r\n' > $BATON_OUTPUTS"#,
            json!({"n": 1}),
        ),
        (
            r#"printf '{"n": 1, "n": 2,}' > $BATON_OUTPUTS"#,
            json!({"n": 2}),
        ),
        (r#"printf "{'n': 1}" > $BATON_OUTPUTS"#, json!({})),
        ("mkdir $BATON_OUTPUTS", json!({})),
        ("mkfifo $BATON_OUTPUTS", json!({})),
        ("ln -s /etc/hostname $BATON_OUTPUTS", json!({})),
    ] {
        let (got, said, _link) = left(script).await;
        assert_eq!(got, outputs, "{script}");
        let warned = said.iter().any(|line| line.starts_with("outputs: "));
        assert_eq!(warned, !script.contains("\\357"), "{script}: {said:?}");
    }
}

#[tokio::test]
async fn events_are_read_in_every_level_shape_and_coding_and_the_rest_is_said() {
    let script = r#"
exec 3>>$BATON_EVENTS
for level in INFO warn WARNING err Fatal; do echo '{"type":"log","level":"'$level'","message":"said '$level'"}' >&3; done
printf '\357\273\277{"type":"output","name":"huge","value":123456789012345678901234567890}\r\n' >&3
echo '{"type":"dance"}' >&3
echo 'not json' >&3
printf '{"type":"output","name":"last","value":1}' >&3
"#;
    let (outputs, said, link) = left(script).await;
    assert_eq!(
        outputs,
        json!({"huge": "123456789012345678901234567890", "last": 1})
    );
    let levels: Vec<LogLevel> = link
        .lines
        .iter()
        .filter(|(_, line)| line.message.starts_with("said "))
        .map(|(_, line)| line.level)
        .collect();
    let expected = [
        LogLevel::Info,
        LogLevel::Warning,
        LogLevel::Warning,
        LogLevel::Error,
        LogLevel::Critical,
    ];
    assert_eq!(levels, expected);
    let events: Vec<&String> = said.iter().filter(|l| l.starts_with("events: ")).collect();
    assert_eq!(events.len(), 3, "{events:?}");
}

#[tokio::test]
async fn an_events_file_in_utf_16_a_shortened_and_a_replaced_one_are_read_to_their_ends() {
    let line = r#"{"type":"output","name":"n","value":"é"}"#;
    let utf16: String = format!("\u{feff}{line}\n")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .map(|byte| format!("\\{byte:03o}"))
        .collect();
    for script in [
        format!("printf '{utf16}' >> $BATON_EVENTS"),
        format!("rm $BATON_EVENTS; echo '{line}' > $BATON_EVENTS"),
    ] {
        let (outputs, _, _link) = left(&script).await;
        assert_eq!(outputs, json!({"n": "é"}), "{script}");
    }
}

#[tokio::test]
async fn artifacts_of_all_kinds_are_handed_over_or_said() {
    let script = r#"
cd $BATON_ARTIFACTS
mkdir -p a/b; echo deep > a/b/c.csv; : > empty; echo odd > "$(printf 'caf\351')"; echo dash > -n
ln -s a/b/c.csv inside; ln -s /etc/hostname outside; mkfifo pipe
"#;
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let result = link.run(&shell(1, script)).await;
    assert_eq!((result.state, result.error), (State::Completed, None));
    let files = server.files.lock().expect("not poisoned");
    let names: Vec<&str> = files
        .artifacts
        .iter()
        .filter_map(|(path, _)| path.split("name=").nth(1)?.split('&').next())
        .collect();
    assert_eq!(
        names,
        ["-n", "a%2Fb%2Fc.csv", "caf%25E9", "empty", "inside"]
    );
    let said = link.messages(LogStream::System).join("\n");
    for word in ["outside", "pipe", "caf"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[tokio::test]
async fn of_a_line_that_is_drawn_again_the_newest_state_shows_and_the_last_words_stay() {
    let script = r#"
for i in $(seq 1 400); do printf '\r%3d of 400 %s' $i xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done
echo ' LAST WORDS'"#;
    let (_, _, link) = left(script).await;
    let lines = link.messages(LogStream::Stdout);
    let last = lines.last().copied().expect("some");
    assert!(
        last.starts_with("400 of 400") && last.ends_with("LAST WORDS"),
        "{last}"
    );
    assert!(lines.len() > 1 && lines.len() < 20, "{}", lines.len());
}

#[tokio::test]
async fn what_the_robot_itself_lacks_hands_the_run_back_and_what_the_flow_lacks_fails_it() {
    let mut server = Server::start().await;
    let robot = Robot::with(&server, |c| c.guard.program = "/nowhere/baton".into()).await;
    let mut link = server.robot().await;
    let result = link.run(&shell(1, "true")).await;
    assert!(result.handed_back, "{result:?}");
    let error = result.error.expect("why");
    assert!(error.message.contains("guard"), "{}", error.message);
    robot.handle.stop(std::time::Duration::ZERO).await;

    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let mut absent = shell(2, "true");
    absent.workflow.package = Some("0".repeat(64));
    for job in [absent, crate::support::job(3, &["no-such-program"])] {
        let result = link.run(&job).await;
        assert_eq!(
            (result.state, result.handed_back),
            (State::Failed, false),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn under_another_user_a_run_reads_neither_the_robots_folder_nor_another_runs() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut server = Server::start().await;
    let robot = Robot::with(&server, |c| {
        c.run_as = Some(baton_agent::RunAs::User(baton_agent::Account {
            uid: 64_999,
            gid: 64_999,
            home: None,
        }));
    })
    .await;
    let key = robot.dir.path().join("robot.key");
    std::fs::write(&key, "secret").expect("written");
    let mut link = server.robot().await;
    let script = format!(
        "id -u; id -G; cat {0} || echo closed; ls $(dirname {0}) || echo unseen
         echo x > $BATON_ARTIFACTS/a; echo '{{\"n\": 1}}' > $BATON_OUTPUTS; touch $HOME/h; stat -c %a . $PWD/..; umask",
        key.display()
    );
    let result = link.run(&shell(1, &script)).await;
    assert_eq!((result.state, result.error), (State::Completed, None));
    assert_eq!(json!(result.outputs), json!({"n": 1}));
    let said = link.messages(LogStream::Stdout);
    assert_eq!(said[..4], ["64999", "64999", "closed", "unseen"]);
    assert_eq!(said[5..], ["700", "0022"]);
    assert_eq!(
        server.files.lock().expect("not poisoned").artifacts.len(),
        1
    );
}

#[tokio::test]
async fn each_run_has_a_user_of_its_own_and_neither_sees_what_the_other_has() {
    if baton_agent::own_user::why_not().is_some() {
        return;
    }
    let mut server = Server::start().await;
    let robot = Robot::with(&server, |c| c.run_as = Some(baton_agent::RunAs::Each)).await;
    let key = robot.dir.path().join("robot.key");
    std::fs::write(&key, "secret").expect("written");
    let mut link = server.robot().await;
    link.start(&shell(
        1,
        "id -u; echo $PWD; echo $$; echo ready; exec sleep 600",
    ))
    .await;
    link.until_line("ready").await;
    let said = link.messages(LogStream::Stdout);
    let said: Vec<String> = said.into_iter().map(str::to_owned).collect();
    let (uid, folder, pid) = (said[0].clone(), &said[1], &said[2]);
    let script = format!(
        "id -u; id -G; cat {key} || echo closed
         ls {folder} || echo unseen
         cat {folder}/../parameters.json || echo private
         cat /proc/{pid}/environ || echo hidden
         (echo x >> {folder}/../events.jsonl) || echo unwritten
         kill -9 {pid} || echo unkilled
         python3 -c 'import getpass, os; print(getpass.getuser(), os.path.expanduser(\"~\") == os.environ[\"HOME\"])'
         touch $HOME/mine $TMPDIR/mine && echo own",
        key = key.display()
    );
    let result = link.run(&shell(2, &script)).await;
    assert_eq!((result.state, result.error), (State::Completed, None));
    let said = link.messages(LogStream::Stdout).split_off(4);
    assert_ne!(said[0], uid, "two runs at once share no user");
    let numbers = 60_706..=61_183;
    for one in [said[0], &uid] {
        assert!(
            numbers.contains(&one.parse::<u32>().expect("a number")),
            "{one}"
        );
    }
    assert_eq!(said[0], said[1], "and it is in no group but its own");
    assert_eq!(
        said[2..],
        [
            "closed",
            "unseen",
            "private",
            "hidden",
            "unwritten",
            "unkilled",
            "baton-run True",
            "own"
        ]
    );
}

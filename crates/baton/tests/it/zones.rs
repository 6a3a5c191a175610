//! Times that a person writes without an offset, on a server whose zone data is not that of the command line.

use std::fs;

use baton_core::zone::Zones;

use crate::home::Home;

#[test]
fn local_times_on_the_command_line_are_read_by_the_servers_zone_data() {
    let home = Home::new();
    home.write("report.py", "print(1)\n");
    // By this data Vancouver still changes its clocks: 09:00 in December is 17:00Z and not 16:00Z.
    let carried = Zones::bundled();
    let (_, bytes) = carried.file("America/Los_Angeles").expect("a zone");
    let folder = home.path("zones");
    fs::create_dir_all(folder.join("America")).expect("a folder");
    fs::write(folder.join("America/Vancouver"), bytes).expect("a file");
    let folder = folder.to_str().expect("text").to_owned();
    let _up = home.serve("server", &["--zoneinfo", &folder, "--zoneinfo-only"]);
    home.baton(&["deploy", "report.py"]).ok();
    let zone = ["--timezone", "America/Vancouver", "--json"];
    let with_zone = |words: &[&str]| home.baton(&[words, &zone].concat()).ok().json();
    let made = with_zone(&[
        "schedules",
        "add",
        "report",
        "--every",
        "2d",
        "--anchor",
        "2126-12-01T09:00",
        "--starts",
        "2126-12-01T09:00",
        "--ends",
        "2127-12-01T09:00",
        "--name",
        "often",
    ]);
    let settings = &made["settings"];
    assert_eq!(settings["starts_at"], "2126-12-01T17:00:00Z", "{made}");
    assert_eq!(settings["ends_at"], "2127-12-01T17:00:00Z");
    assert_eq!(settings["rule"]["anchor"], "2126-12-01T17:00:00Z");
    let edited = with_zone(&[
        "schedules",
        "edit",
        "report/default/often",
        "--ends",
        "2128-12-01T09:00",
    ]);
    assert_eq!(edited["settings"]["ends_at"], "2128-12-01T17:00:00Z");
    let preview = with_zone(&[
        "schedules",
        "preview",
        "--daily",
        "09:00",
        "--from",
        "2126-12-01T09:00",
        "-n",
        "1",
    ]);
    assert_eq!(preview["slots"][0]["at"], "2126-12-01T17:00:00Z");
    // As shown, too.
    let shown = home
        .baton(&["schedules", "show", "report/default/often"])
        .ok();
    assert!(
        shown.out.contains("2126-12-01 09:00:00 PST"),
        "{}",
        shown.out
    );
    home.write(
        "job/baton.toml",
        "[flow]\nname = \"job\"\ncommand = [\"true\"]\n[[schedules]]\nevery = \"2d\"\n\
         starts = \"2126-12-01T09:00\"\ntimezone = \"America/Vancouver\"\n",
    );
    let job = home.baton(&["deploy", "job", "--json"]).ok().json();
    let starts = &job["deployment"]["schedules"][0]["settings"]["starts_at"];
    assert_eq!(starts, "2126-12-01T17:00:00Z", "{job}");
}

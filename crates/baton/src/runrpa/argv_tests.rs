//! `runrpa`'s command line against what argparse does with the same words.

use super::*;

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|w| (*w).to_owned()).collect()
}

fn flags(line: &[&str]) -> Flags {
    match parse(&words(line)) {
        Ok(Asked::Run(flags)) => flags,
        other => panic!("{line:?}: {other:?}"),
    }
}

fn refusal(line: &[&str]) -> String {
    match parse(&words(line)) {
        Err(text) => text
            .lines()
            .last()
            .expect("an error has a last line")
            .to_owned(),
        other => panic!("{line:?}: {other:?}"),
    }
}

#[test]
fn without_words_every_flag_has_its_default() {
    let got = flags(&[]);
    for (name, value) in [
        ("startfile", ""),
        ("startcode", "main"),
        ("startsheet", "main"),
        ("logprintlevel", "30"),
        ("defaultloglevel", "DEBUG"),
        ("background", "0"),
        ("flowrun", "0"),
        ("retries", "0"),
        ("tag", "production"),
        ("update", "0"),
        ("arguments", ""),
    ] {
        assert_eq!(got.text(name), value, "{name}");
    }
}

#[test]
fn every_spelling_that_argparse_accepts_is_accepted() {
    for line in [
        &["-f", "cscKPI", "-o", "2"][..],
        &["-fcscKPI", "-o2"],
        &["-f=cscKPI", "-o=2"],
        &["--startfile", "cscKPI", "--flowrun", "2"],
        &["--startfile=cscKPI", "--flowrun=2"],
        &["--startf", "cscKPI", "--flow", "2"],
        &["--startf=cscKPI", "--fl=2"],
        &["-o", "1", "-o", "2", "-f", "cscKPI"],
        &["-o", " 2 ", "-f", "cscKPI"],
        &["-o", "+2", "-f", "cscKPI"],
    ] {
        let got = flags(line);
        assert_eq!(got.text("startfile"), "cscKPI", "{line:?}");
        assert_eq!(got.int("flowrun"), 2, "{line:?}");
    }
}

#[test]
fn short_flags_of_several_letters_and_their_prefixes_are_read() {
    let got = flags(&["-sc", "block", "-sh=sheet", "-pl", "10", "-ll", "INFO"]);
    assert_eq!(got.text("startcode"), "block");
    assert_eq!(got.text("startsheet"), "sheet");
    assert_eq!(got.int("logprintlevel"), 10);
    assert_eq!(got.text("defaultloglevel"), "INFO");
    // A unique prefix of a short flag counts too.
    assert_eq!(flags(&["-p", "20"]).int("logprintlevel"), 20);
    assert_eq!(flags(&["-l", "INFO"]).text("defaultloglevel"), "INFO");
}

#[test]
fn what_argparse_refuses_is_refused_in_its_words() {
    for (line, text) in [
        (
            &["-s", "main"][..],
            "runrpa: error: ambiguous option: -s could match -sc, -sh",
        ),
        (
            &["--start", "x"],
            "runrpa: error: ambiguous option: --start could match --startfile, --startcode, --startsheet",
        ),
        (
            &["-scmain"],
            "runrpa: error: unrecognized arguments: -scmain",
        ),
        (&["-i", "1"], "runrpa: error: unrecognized arguments: -i 1"),
        (&["stray"], "runrpa: error: unrecognized arguments: stray"),
        (
            &["--", "-f", "x"],
            "runrpa: error: unrecognized arguments: -- -f x",
        ),
        (
            &["-s", "x", "-h"],
            "runrpa: error: ambiguous option: -s could match -sc, -sh",
        ),
        (
            &["-hx"],
            "runrpa: error: argument -h/--help: ignored explicit argument 'x'",
        ),
        (
            &["-f"],
            "runrpa: error: argument -f/--startfile: expected one argument",
        ),
        (
            &["-f", "-o", "2"],
            "runrpa: error: argument -f/--startfile: expected one argument",
        ),
        (
            &["-f", "--", "x"],
            "runrpa: error: argument -f/--startfile: expected one argument",
        ),
        (
            &["-o", "two"],
            "runrpa: error: argument -o/--flowrun: invalid int value: 'two'",
        ),
        (
            &["-r", "1.5"],
            "runrpa: error: argument -r/--retries: invalid int value: '1.5'",
        ),
    ] {
        assert_eq!(refusal(line), text, "{line:?}");
    }
}

#[test]
fn help_is_given_for_every_spelling_of_the_quick_guide() {
    for line in [
        &["-h"][..],
        &["-help"],
        &["--help"],
        &["--he"],
        &["-hf"],
        &["-f", "x", "-h", "--nonsense"],
    ] {
        assert_eq!(parse(&words(line)), Ok(Asked::Help), "{line:?}");
    }
}

#[test]
fn values_that_look_like_flags_follow_argparse() {
    assert_eq!(flags(&["-b", "-1"]).text("background"), "-1");
    assert_eq!(flags(&["-a", "-x y"]).text("arguments"), "-x y");
    assert_eq!(flags(&["-a=-x"]).text("arguments"), "-x");
    assert_eq!(flags(&["-a", "-"]).text("arguments"), "-");
    assert_eq!(flags(&["-a="]).text("arguments"), "");
}

#[test]
fn arguments_are_split_on_two_spaces_comma_two_spaces_only() {
    let got = flags(&["-a", "one  ,  two, still two  ,  "]);
    assert_eq!(got.arguments(), ["one", "two, still two", ""]);
    assert!(flags(&[]).arguments().is_empty());
}

#[test]
fn digits_of_the_background_flag_stay_text() {
    assert_eq!(flags(&["-b14"]).text("background"), "14");
    assert_eq!(flags(&["-b", "023"]).text("background"), "023");
}

#[test]
fn no_words_of_any_kind_make_it_panic() {
    for word in [
        "-", "--", "-é", "-=", "--=", "-f=", "", "--é=1", "-oé", "-hé",
    ] {
        let _ = parse(&words(&[word]));
        let _ = parse(&words(&["-f", word]));
        let _ = parse(&words(&[word, word]));
    }
}

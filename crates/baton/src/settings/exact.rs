//! Numbers of parameters in `baton.toml` that would not be kept as they are written: refused, as everywhere else.

use baton_core::parameter::inexact_number;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The tables whose numbers are a person's values; those of ours may be rounded.
const VALUES: &str = "parameters";

/// A number that would be rounded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rounded {
    /// As it is written.
    pub(super) number: String,
    /// Where it begins in the text, in bytes.
    pub(super) at: usize,
}

/// The first number of a parameter that would be rounded, in a text that is well-formed.
pub(super) fn rounded(text: &str) -> Option<Rounded> {
    let table = DeTable::parse(text).ok()?;
    let table = table.get_ref();
    let sections = [Some(table), section(table, "deployment")];
    let schedules = table
        .get("schedules")
        .and_then(|all| all.get_ref().as_array());
    let schedules = schedules.into_iter().flat_map(|all| all.iter());
    (sections.into_iter().flatten())
        .chain(schedules.filter_map(|one| one.get_ref().as_table()))
        .filter_map(|section| section.get(VALUES))
        .find_map(look)
}

fn section<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a DeTable<'i>> {
    table.get(name)?.get_ref().as_table()
}

fn look(value: &Spanned<DeValue<'_>>) -> Option<Rounded> {
    match value.get_ref() {
        DeValue::Float(float) => {
            let number = float.as_str().replace('_', "");
            // Infinities have no digits; they are refused by their name.
            inexact_number(number.trim_start_matches('+'))?;
            let at = value.span().start;
            Some(Rounded { number, at })
        }
        DeValue::Array(items) => items.iter().find_map(look),
        DeValue::Table(members) => members.iter().find_map(|(_, member)| look(member)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::file::parse;

    #[test]
    fn a_number_that_would_be_rounded_is_refused_with_its_line_wherever_it_stands() {
        for text in [
            "[parameters]\nrate = 3.14159265358979323846\n",
            "[parameters]\nrate = { type = \"number\", default = 0.10000000000000000555 }\n",
            "[deployment]\nparameters = { deep = [1.5, { x = 9007199254740993.0 }] }\n",
            "[[schedules]]\nparameters = { x = +1e-400, daily = \"09:00\" }\n",
            "[deployment.parameters]\nx = 9_007_199_254_740_993.0\n",
        ] {
            let error = parse(text, Path::new("baton.toml")).expect_err(text);
            assert!(error.what.starts_with("baton.toml:2: "), "{}", error.what);
            assert!(error.what.contains("digits"), "{}", error.what);
        }
    }

    #[test]
    fn numbers_that_are_kept_and_numbers_of_settings_are_taken() {
        let text = "[server]\ntick = 0.10000000000000000555\n[parameters]\nrate = +1_000.25e3\nhalf = 0.5\n";
        let file = parse(text, Path::new("baton.toml")).expect("all are kept");
        assert_eq!(file.parameters["rate"], 1_000_250.0);
    }
}

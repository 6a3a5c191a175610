//! The names that Windows gives to time zones, which are what many people know: `W. Europe Standard Time`.

/// Windows name, tab, IANA name; where it is from stands in its first lines.
const TABLE: &str = include_str!("windows.tsv");

/// The IANA zone of a Windows name, also of its summer form: `Eastern Daylight Time`.
pub(super) fn zone(name: &str) -> Option<&'static str> {
    let wanted = normal(name);
    TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .find(|(windows, _)| normal(windows) == wanted)
        .map(|(_, zone)| zone)
}

/// In lower case, one space between words, summer as winter, without stops.
fn normal(name: &str) -> String {
    let lower = name.to_lowercase().replace(['.', '_'], " ");
    let words = lower.split_whitespace().map(|word| match word {
        "daylight" | "summer" => "standard",
        word => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

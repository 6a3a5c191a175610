//! The digits of `-b`: what each switches, and what this platform cannot do about it.

/// What a person should know about the digits they gave.
pub(crate) fn warnings(digits: &str, windows: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    for digit in digits.chars() {
        let warning = match digit {
            '1' if !windows => Some(
                "-b 1 asks for the background desktop, which only Windows has: it is passed on to the script, nothing else happens".to_owned(),
            ),
            '4' | '5' => Some(format!(
                "-b {digit} asks for a trigger: a deployed flow (-o 2) waits in its work queue without one, so it is only passed on to the script"
            )),
            '0'..='3' => None,
            other => Some(format!("-b {other} means nothing and is only passed on to the script")),
        };
        warnings.extend(warning.filter(|w| !warnings.contains(w)));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_digit_is_judged_by_itself() {
        assert!(warnings("0", false).is_empty());
        assert!(warnings("23", false).is_empty());
        assert_eq!(warnings("14", false).len(), 2);
        assert_eq!(warnings("11", false).len(), 1);
        assert!(warnings("1", true).is_empty());
        assert_eq!(warnings("x", true).len(), 1);
    }
}

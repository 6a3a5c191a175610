//! Finds the word somebody probably meant, for error messages that say "did you mean …?".

/// Longest word that is compared; a longer one is no typing mistake.
const MAX_WORD: usize = 64;

/// The candidate that `word` was most likely meant to be, or `None` when nothing is close.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_WORD {
        return None;
    }
    let word = word.to_lowercase();
    // A third of the letters may be wrong: more would suggest words nobody meant.
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_WORD)
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The candidates that `word` was most likely meant to be, nearest first; at most `most`. One that is nearer
/// than the others by a letter or more stands alone.
pub(crate) fn nearest_few<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Vec<&'a str> {
    if word.len() > MAX_WORD {
        return Vec::new();
    }
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_WORD)
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .collect();
    near.sort_unstable();
    near.dedup();
    let Some(&(best, _)) = near.first() else {
        return Vec::new();
    };
    let best = near
        .into_iter()
        .take_while(|&(distance, _)| distance == best);
    best.map(|(_, candidate)| candidate).take(most).collect()
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before_last[j - 2] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_finds_its_word_and_nonsense_finds_none() {
        let zones = ["Europe/Berlin", "Europe/Bern", "America/New_York"];
        assert_eq!(nearest("Europe/Berln", zones), Some("Europe/Berlin"));
        assert_eq!(nearest("america/newyork", zones), Some("America/New_York"));
        assert_eq!(nearest("Atlantis", zones), None);
        assert_eq!(nearest("mno", ["mon", "tue"]), Some("mon"));
    }
}

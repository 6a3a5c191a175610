//! What becomes of lines that are long, broken, or drawn again and again.

use super::*;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn lines(parts: &[&[u8]]) -> Vec<String> {
    let mut lines = Lines::default();
    let mut out = Vec::new();
    for part in parts {
        lines.feed(part, at(0), |l| out.push(l));
    }
    out.extend(lines.rest());
    out
}

#[test]
fn lines_are_put_together_across_reads_and_lose_only_their_ends() {
    assert_eq!(
        lines(&[b"a", b"b\nc\r\n", b"\n", b"last"]),
        ["ab", "c", "", "last"]
    );
    assert_eq!(lines(&[b"a\r", b"\nb\r\r\n"]), ["a", "b"]);
    assert_eq!(lines(&[b"\xc3", b"\xa4\n"]), ["\u{e4}"]);
}

#[test]
fn invalid_bytes_are_replaced_visibly() {
    assert_eq!(lines(&[b"a\xffb\0\n"]), ["a\u{fffd}b\u{2400}"]);
}

#[test]
fn a_huge_line_keeps_beginning_and_end_and_counts_what_is_missing() {
    for chunk in [10_000_000, 1_000, 7_001] {
        let huge = vec![b'x'; 10_000_000];
        let mut parts: Vec<&[u8]> = huge.chunks(chunk).collect();
        parts.push(b"LAST WORDS\nnext\n");
        let out = lines(&parts);
        assert_eq!(out.len(), 2);
        assert!(out[0].len() <= MAX_LINE);
        assert!(out[0].ends_with("xLAST WORDS"), "its end");
        let kept = out[0].matches('x').count();
        let mark = format!("[{} bytes more, not kept]", huge.len() - kept);
        assert!(out[0].contains(&mark), "{mark}");
        assert_eq!(out[1], "next");
    }
}

#[test]
fn a_cut_goes_through_no_character() {
    let long = "\u{e4}".repeat(20_000);
    let odd = format!("x{long}");
    for text in [long, odd] {
        let out = lines(&[text.as_bytes(), b"\n"]);
        assert!(out[0].len() <= MAX_LINE && !out[0].contains('\u{fffd}'));
        let kept = out[0].matches('\u{e4}').count() * 2;
        assert!(out[0].contains(&format!("[{} bytes more", 40_000 - kept)));
    }
}

#[test]
fn a_line_of_garbage_stays_within_the_bound() {
    for bytes in [5_000, 16_000, 100_000] {
        let out = lines(&[&vec![0xff; bytes]]);
        assert!(out[0].len() <= MAX_LINE, "{bytes}");
    }
    assert!(lines(&[&vec![0xff; 100_000]])[0].contains("bytes more, not kept]"));
}

#[test]
fn of_a_line_that_is_drawn_again_the_first_and_the_last_state_and_what_follows_stay() {
    let bar = b"\r 1%\r 2%\r 3%\r100% done\nnext\n";
    assert_eq!(lines(&[bar]), [" 1%", "100% done", "next"]);
    assert_eq!(lines(&[b"1%\r2%\r3%\r", b"\n"]), ["1%", "3%"]);
    // Wiped away at its end.
    assert_eq!(lines(&[b"1%\r2%\r    \r\n"]), ["1%", "2%"]);
    assert_eq!(lines(&[b"1%\r2%\r    \rready\n"]), ["1%", "ready"]);
    assert_eq!(lines(&[b"1%\r2%"]), ["1%", "2%"]);
}

#[test]
fn the_newest_state_comes_out_now_and_then_while_the_line_is_drawn() {
    let mut lines = Lines::default();
    let mut out = Vec::new();
    for second in 0..7 {
        lines.feed(format!("\r{second} of 7").as_bytes(), at(second), |l| {
            out.push(l)
        });
    }
    lines.rested(at(8), |l| out.push(l));
    lines.rested(at(20), |l| out.push(l));
    lines.feed(b"\n", at(21), |l| out.push(l));
    assert_eq!(out, ["0 of 7", "2 of 7", "4 of 7", "6 of 7"]);
}

#[test]
fn an_endless_line_that_is_drawn_again_is_not_cut_at_all() {
    let mut bar: Vec<u8> = (0..9_000)
        .flat_map(|n| format!("\r{n} of 9000").into_bytes())
        .collect();
    bar.extend(b" LAST WORDS\n");
    assert_eq!(lines(&[&bar]), ["0 of 9000", "8999 of 9000 LAST WORDS"]);
}

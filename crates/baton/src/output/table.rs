//! Tables for people: no lines, a dim head, as wide as the terminal.

use comfy_table::{Attribute, Cell, ColumnConstraint, ContentArrangement, Row, Table, presets};

/// A table under these column heads.
pub(crate) fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if super::takes_colour() {
        table.enforce_styling();
    }
    if super::is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        // Programs that cut columns must not meet wrapped lines.
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(Row::from(
        heads
            .iter()
            .map(|head| Cell::new(head.to_uppercase()).add_attribute(Attribute::Dim))
            .collect::<Vec<_>>(),
    ));
    table
}

/// A cell with a text that somebody else may have written: a terminal obeys nothing of it.
pub(crate) fn cell(text: impl ToString) -> Cell {
    Cell::new(baton_core::text::shown(&text.to_string()))
}

/// Prints a table, or a sentence where it has no rows.
pub(crate) fn print(table: &mut Table, empty: &str) {
    if table.is_empty() {
        super::note(empty);
        return;
    }
    let count = table.column_count();
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index + 1 == count { 0 } else { 2 }));
    }
    if super::is_terminal()
        && let Some(width) = table.width()
    {
        fit(table, usize::from(width));
    }
    super::line(&table.trim_fmt());
}

/// The columns that say which thing it is and how it stands: they are never cut as long as they fit.
const WHOLE: usize = 2;
/// What a column needs at least to say something; a wider one is cut before another goes.
const ENOUGH: usize = 14;

/// Makes a table fit: one line a row, the last columns left out where there is no room, the others cut with a sign.
fn fit(table: &mut Table, width: usize) {
    let wide: Vec<usize> = (table.column_max_content_widths().into_iter())
        .map(usize::from)
        .collect();
    let last = wide.len().saturating_sub(1);
    let needs = |shown: usize| -> usize {
        let columns = wide.iter().take(shown).enumerate();
        let texts = columns.map(|(i, w)| if i < WHOLE { *w } else { (*w).min(ENOUGH) });
        texts.sum::<usize>() + 2 * shown.saturating_sub(1)
    };
    let mut shown = wide.len();
    while shown > WHOLE && needs(shown) > width {
        shown -= 1;
    }
    let whole = wide.iter().take(WHOLE).sum::<usize>() + 2 * WHOLE;
    for (index, column) in table.column_iter_mut().enumerate() {
        if index >= shown {
            column.set_constraint(ColumnConstraint::Hidden);
        } else if index < WHOLE && whole <= width {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        if index + 1 == shown && index < last {
            column.set_padding((0, 0));
        }
    }
    for row in table.row_iter_mut() {
        row.max_height(1);
    }
    table.set_truncation_indicator("…");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_80_columns_no_row_breaks_and_name_and_state_stay_whole() {
        let heads = ["run", "state", "label", "due", "took", "robot", "try", "by"];
        let mut table = table(&heads);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(80);
        for n in 10..13 {
            table.add_row(vec![
                cell(format!("crisp-crane-9c{n}")),
                cell("✓ completed"),
                cell("a_rather_long_flow_name_of_a_department-rpa-newyork-01"),
                cell("3 min 5 s ago"),
                cell("1 min 2 s"),
                cell("rpa-newyork-01.example.org"),
                cell("1"),
                cell("somebody-with-a-name"),
            ]);
        }
        let count = table.column_count();
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index + 1 == count { 0 } else { 2 }));
        }
        fit(&mut table, 80);
        let text = table.trim_fmt();
        assert_eq!(text.lines().count(), 4, "{text}");
        for (line, n) in text.lines().skip(1).zip(10..) {
            assert!(line.chars().count() <= 80, "{line}");
            assert!(line.contains(&format!("crisp-crane-9c{n}")), "{line}");
            assert!(line.contains("✓ completed") && line.contains('…'), "{line}");
        }
    }

    #[test]
    fn a_cell_shows_escape_sequences_and_obeys_none() {
        let cell = cell("\u{1b}[31mred\u{1b}]0;t\u{7}\u{202e}");
        assert_eq!(cell.content(), r"\u{1b}[31mred\u{1b}]0;t\u{7}\u{202e}");
    }
}

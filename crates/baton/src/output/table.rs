//! Tables for people: no lines, a dim head, as wide as the terminal.

use comfy_table::{Attribute, Cell, ContentArrangement, Row, Table, presets};

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
    super::line(&table.trim_fmt());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_escape_sequences_and_obeys_none() {
        let cell = cell("\u{1b}[31mred\u{1b}]0;t\u{7}\u{202e}");
        assert_eq!(cell.content(), r"\u{1b}[31mred\u{1b}]0;t\u{7}\u{202e}");
    }
}

//! What a search for text has SQL look for, so that only slim rows that may match are read.

use crate::budget::{Budget, OverBudget};
use crate::limits::{ID_BYTES, ROW_TEXT_BYTES, WORK};

/// What it costs SQL to go to a row and decide. With [`BYTES_A_UNIT`] measured on rows as long as they get.
const ROW: u64 = 128;
/// SQL joins, lower-cases and searches so many bytes in the time of one unit of work.
const BYTES_A_UNIT: u64 = 2;
/// SQL compares at each place in a text: it is given no more of what is looked for.
const PIECE_BYTES: usize = 16;
/// A row's five texts, each with the end of its last character and `...`, and its id.
const LONGEST_ROW: u64 = 5 * (ROW_TEXT_BYTES as u64 + 6) + ID_BYTES as u64;

/// The slim rows that are looked through.
#[derive(Clone, Copy, Debug)]
pub struct Scan {
    work: u64,
}

impl Scan {
    /// At most so many rows, however long they are.
    pub fn of_at_most(rows: u64) -> Self {
        Self::of(rows, rows.saturating_mul(LONGEST_ROW))
    }

    /// So many rows, with so many bytes of text.
    pub fn of(rows: u64, bytes: u64) -> Self {
        Self { work: rows.saturating_mul(ROW).saturating_add(bytes / BYTES_A_UNIT) }
    }

    /// Does that take so much of a budget that it is worth counting the bytes?
    pub fn is_large(self) -> bool {
        self.work > WORK as u64 / 2
    }
}

/// What SQL looks for in each row: the start of a text. It is to be had only for what the scan costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece(String);

impl Piece {
    /// The start of a text, to be looked for in these rows.
    pub fn of(text: &str, scan: Scan, budget: &mut Budget) -> Result<Self, OverBudget> {
        budget.spend(usize::try_from(scan.work).unwrap_or(usize::MAX))?;
        let end = text.floor_char_boundary(PIECE_BYTES);
        Ok(Self(text.get(..end).unwrap_or_default().to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

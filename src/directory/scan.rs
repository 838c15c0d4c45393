//! Full-text filters: SQL scans the slim rows for a prefix of the text, so that only rows that may match
//! are read.

use crate::budget::{Budget, OverBudget};
use crate::limits::{ID_BYTES, ROW_TEXT_BYTES, WORK};

/// The cost of visiting a row. Measured, like [`BYTES_A_UNIT`], on rows of the maximum length.
const ROW: u64 = 128;
/// Bytes that SQL joins, lower-cases and searches in the time of one unit of work.
const BYTES_A_UNIT: u64 = 2;
/// SQL compares at each position in a text, so it gets only a short prefix to search for.
const PREFIX_BYTES: usize = 16;
/// A row's five texts, each with up to 3 more bytes for its last character and `...`, and its id.
const LONGEST_ROW: u64 = 5 * (ROW_TEXT_BYTES as u64 + 6) + ID_BYTES as u64;

/// The size of a scan of slim rows.
#[derive(Clone, Copy, Debug)]
pub struct Scan {
    work: u64,
}

impl Scan {
    /// Assumes that all rows have the maximum length.
    pub fn of_at_most(rows: u64) -> Self {
        Self::of(rows, rows.saturating_mul(LONGEST_ROW))
    }

    /// `bytes` is the length of all texts together.
    pub fn of(rows: u64, bytes: u64) -> Self {
        Self { work: rows.saturating_mul(ROW).saturating_add(bytes / BYTES_A_UNIT) }
    }

    /// Whether the scan may take so much of a budget that the bytes should be counted exactly.
    pub fn is_large(self) -> bool {
        self.work > WORK as u64 / 2
    }
}

/// A prefix of a text for SQL to scan for. Making one charges the cost of the scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanPrefix(String);

impl ScanPrefix {
    pub fn of(text: &str, scan: Scan, budget: &mut Budget) -> Result<Self, OverBudget> {
        budget.spend(usize::try_from(scan.work).unwrap_or(usize::MAX))?;
        let end = text.floor_char_boundary(PREFIX_BYTES);
        Ok(Self(text.get(..end).unwrap_or_default().to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

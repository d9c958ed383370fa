//! A table of bits: who may be where.

const WORD_BITS: usize = 64;

/// Rows of bits of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BitTable {
    words_per_row: usize,
    words: Vec<u64>,
}

impl BitTable {
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        let words_per_row = columns.div_ceil(WORD_BITS).max(1);
        Self { words_per_row, words: vec![0; rows * words_per_row] }
    }

    pub(super) fn set(&mut self, row: usize, column: usize) {
        self.words[row * self.words_per_row + column / WORD_BITS] |= 1 << (column % WORD_BITS);
    }

    pub(super) fn get(&self, row: usize, column: usize) -> bool {
        self.words[row * self.words_per_row + column / WORD_BITS] >> (column % WORD_BITS) & 1 == 1
    }

    pub(super) fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.words_per_row..(row + 1) * self.words_per_row]
    }

    /// A table of the given rows of this one, in their order.
    pub(super) fn pick(&self, rows: impl Iterator<Item = usize>) -> Self {
        let words = rows.flat_map(|row| self.row(row).iter().copied()).collect();
        Self { words_per_row: self.words_per_row, words }
    }
}

/// Whether every bit of `part` is in `whole`.
pub(super) fn is_subset(part: &[u64], whole: &[u64]) -> bool {
    part.iter().zip(whole).all(|(part, whole)| part & !whole == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_beyond_a_word_are_found_and_rows_compare() {
        let mut table = BitTable::new(2, 130);
        for column in [0, 64, 129] {
            table.set(1, column);
        }
        table.set(0, 64);
        assert!(table.get(1, 129) && !table.get(0, 129) && !table.get(1, 128));
        assert!(is_subset(table.row(0), table.row(1)));
        assert!(!is_subset(table.row(1), table.row(0)));
        assert_eq!(table.pick([1].into_iter()).row(0), table.row(1));
    }
}

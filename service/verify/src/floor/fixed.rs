//! Small systems of equations in numbers with a fixed point.

use super::knapsack::RESOURCES_MAX;

/// Bits behind the point.
pub const POINT: u32 = 50;
/// The number 1.
pub const ONE: i128 = 1 << POINT;
/// Greatest amount of a result; greater ones mean that the equations contradict one another.
const RESULT_MAX: i128 = 1 << 72;

/// A vector of numbers.
pub type Vector = [i128; RESOURCES_MAX];
/// Rows of a square matrix; each entry of amount 1 or less.
pub type Matrix = [Vector; RESOURCES_MAX];

/// Solves `rows * x = right` in the first `dims` dimensions, by elimination. None: there is not one answer.
pub fn solve(mut rows: Matrix, mut right: Vector, dims: usize) -> Option<Vector> {
    if right.iter().any(|entry| RESULT_MAX < entry.abs()) {
        return None;
    }
    for column in 0..dims {
        let pivot = (column..dims).max_by_key(|row| rows[*row][column].abs())?;
        rows.swap(column, pivot);
        right.swap(column, pivot);
        let top = rows[column];
        if top[column] == 0 {
            return None;
        }
        for row in column + 1..dims {
            let factor = (rows[row][column] << POINT) / top[column];
            for (entry, top) in rows[row].iter_mut().zip(&top).take(dims).skip(column) {
                *entry -= (factor * top) >> POINT;
            }
            right[row] -= (factor * right[column]) >> POINT;
            if RESULT_MAX < right[row].abs() {
                return None;
            }
        }
    }
    back(&rows, right, dims)
}

fn back(rows: &Matrix, right: Vector, dims: usize) -> Option<Vector> {
    let mut result = [0; RESOURCES_MAX];
    for row in (0..dims).rev() {
        let mut rest = right[row];
        for column in row + 1..dims {
            rest -= rows[row][column].checked_mul(result[column])? >> POINT;
        }
        result[row] = rest.checked_mul(ONE)? / rows[row][row];
        if RESULT_MAX < result[row].abs() {
            return None;
        }
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: [[i128; 2]; 2], right: [i128; 2], expected: Option<[i128; 2]>) {
        let mut matrix = Matrix::default();
        for (to, from) in matrix.iter_mut().zip(rows) {
            to[..2].copy_from_slice(&from.map(|percent| percent * ONE / 100));
        }
        let mut vector = Vector::default();
        vector[..2].copy_from_slice(&right.map(|percent| percent * ONE / 100));
        let found = solve(matrix, vector, 2).map(|it| [it[0], it[1]].map(|it| (it * 100 + ONE / 2) >> POINT));
        assert_eq!(found, expected);
    }

    #[test]
    fn equations_are_solved_where_there_is_one_answer() {
        check([[100, 0], [0, 100]], [30, 70], Some([30, 70]));
        check([[0, 50], [25, 0]], [10, 10], Some([40, 20]));
        check([[50, 25], [25, 50]], [75, 75], Some([100, 100]));
        check([[50, 25], [25, 50]], [0, 75], Some([-100, 200]));
        check([[50, 25], [100, 50]], [75, 75], None);
    }
}

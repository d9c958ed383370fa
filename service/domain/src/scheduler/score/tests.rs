use super::*;

#[test]
fn scores_are_normalised_as_the_scheduler_does() {
    assert_eq!(most(vec![0, 5, 20]), [0, 25, 100]);
    assert_eq!(most(vec![0, 0]), [0, 0]);
    assert_eq!(fewest(vec![0, 1, 3]), [100, 67, 0]);
    assert_eq!(fewest(vec![0, 0]), [100, 100]);
    assert_eq!(between(&[-10, 0, 5]), [0, 66, 100]);
    assert_eq!(between(&[3, 3]), [0, 0]);
}

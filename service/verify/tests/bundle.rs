//! What is proven, and what is not.

mod common;

use plimsoll_verify::{Proof, verify};

use common::{COIN, bundle};

#[test]
fn a_plan_that_keeps_every_rule_is_proven() {
    let proof = Proof {
        cost: 690 * COIN,
        objective: 708 * COIN,
        floor_proven: 321 * COIN,
        floor_stated: 321 * COIN,
        gap: 387 * COIN,
    };
    assert_eq!(verify(&bundle()), Ok(proof));
}

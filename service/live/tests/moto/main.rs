//! One table of what AWS keeps, call by call, held against our own AWS on the wire and against one that others wrote, moto.
//!
//! Ours keeps all of it. What moto lacks is a list: each entry is tried, so that the list can only shrink.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod ec2;
mod eks;
mod lacks;
mod others;
mod scaling;
mod stage;
#[path = "../wire/mod.rs"]
mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use plimsoll_props::aws::moto::Moto;
use plimsoll_props::aws::{FakeAws, Manners, allowed};

use lacks::{MOTO_HAS_NOT, MOTO_LACKS, NO_OPERATION};
use stage::{Stage, ZONES};

/// Longest wait for what a case comes to.
const ANSWER: Duration = Duration::from_secs(20);
/// A type that nobody sells.
const STRANGE_TYPE: &str = "x9.none";
const HOUR: Duration = Duration::from_secs(3600);

/// Kept, or what was seen instead.
type Kept = Result<(), String>;
type Check = for<'a> fn(&'a Stage) -> LocalBoxFuture<'a, Kept>;

/// A promise of one operation.
struct Case {
    /// `eks:CreateNodegroup`.
    action: &'static str,
    promise: &'static str,
    check: Check,
}

fn case(action: &'static str, promise: &'static str, check: Check) -> Case {
    Case { action, promise, check }
}

fn cases() -> Vec<Case> {
    [eks::cases(), scaling::cases(), ec2::cases(), others::cases()].into_iter().flatten().collect()
}

/// What is not kept, by operation and promise.
async fn broken(stage: &Stage) -> Vec<(&'static str, &'static str, String)> {
    let mut broken = Vec::new();
    for Case { action, promise, check } in cases() {
        let kept = tokio::time::timeout(ANSWER, check(stage)).await;
        if let Err(seen) = kept.unwrap_or_else(|_| Err(format!("no answer in {ANSWER:?}"))) {
            broken.push((action, promise, seen));
        }
    }
    broken
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_aws_keeps_all_of_it() {
    // There is no API server whose nodes its machines could be: none boots or leaves.
    let manners = Manners { boot: HOUR, leave: HOUR, ..Manners::default() };
    let fake = FakeAws::start("prod", &ZONES, manners, wire::nobody()).await;
    let stage = Stage::of_ours(fake).await;
    let broken = broken(&stage).await;
    assert!(broken.is_empty(), "{broken:#?}");
    if let Some(faults) = stage.faults_on_the_wire() {
        // But for the type that is asked for because there is none such.
        let faults: Vec<&str> = faults.lines().filter(|line| !line.contains(STRANGE_TYPE)).collect();
        assert_eq!(faults, Vec::<&str>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aws_that_others_wrote_keeps_all_but_a_list() {
    let Some(moto) = Moto::bare("prod", &ZONES) else { return };
    let version = moto.place().version.clone();
    let stage = Stage::of_moto(moto).await;
    let broken = broken(&stage).await;
    let unknown: Vec<_> = broken
        .iter()
        .filter(|(action, promise, _)| !MOTO_LACKS.iter().any(|lack| (lack.0, lack.1) == (*action, *promise)))
        .collect();
    assert!(unknown.is_empty(), "what moto {version} lacks is not on the list: {unknown:#?}");
    println!(
        "moto {version} keeps {} of {} promises; it lacks:",
        cases().len() - broken.len(),
        cases().len()
    );
    for (action, promise, why) in MOTO_LACKS {
        let is_broken = broken.iter().any(|lack| (lack.0, lack.1) == (action, promise));
        assert!(is_broken, "moto {version} keeps it now, take it off the list: {action}: {promise}");
        println!("  {action}: {promise}: {why}");
    }
}

#[test]
fn operations_that_moto_does_not_have_are_named() {
    let ours: BTreeSet<String> = allowed().into_iter().filter(|action| action != NO_OPERATION).collect();
    let Some(lacking) = Moto::lacks(&ours) else { return };
    assert_eq!(lacking, MOTO_HAS_NOT.map(str::to_owned).into());
    let compared: BTreeSet<&str> = cases().into_iter().map(|case| case.action).collect();
    let is_left = |action: &&String| !lacking.contains(*action) && !compared.contains(action.as_str());
    let left: Vec<&String> = ours.iter().filter(is_left).collect();
    println!(
        "{} operations compared; {} in moto, too, and not compared: {left:?}",
        compared.len(),
        left.len()
    );
}

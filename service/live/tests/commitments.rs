//! What an account has committed itself to, read over the wire: reservations by the hour, Savings Plans with their rates.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod wire;

use plimsoll_domain::commitments::Held;
use plimsoll_domain::ledger::commitment::Cover;
use plimsoll_domain::world::{CloudError, Prices};
use plimsoll_props::aws::{FakeAws, Manners, Reservation, SavingsPlan};

const RESERVED: Reservation = Reservation {
    instance_type: "m5.large",
    zone: None,
    count: 3,
    product: "Linux/UNIX",
    upfront: "0.0",
    hourly: "0.0605",
};
const RATES: [(&str, &str); 3] = [("c7g.large", "0.0524"), ("m5.large", "0.0703"), ("m5.xlarge", "0.1406")];
const PLAN: SavingsPlan = SavingsPlan {
    id: "11111111-0000-4000-8000-000000000000",
    kind: "Compute",
    family: None,
    commitment: "1.50000000",
    rates: &RATES,
};

async fn account(reservations: &[Reservation], plans: &[SavingsPlan]) -> FakeAws {
    let fake = FakeAws::start("prod", &["us-east-1a"], Manners::default(), wire::nobody()).await;
    fake.commit(reservations, plans);
    fake
}

async fn held(fake: &FakeAws) -> Result<Vec<Held>, CloudError> {
    wire::aws("prod", fake.url()).await.commitments(&wire::id("prod")).await
}

#[tokio::test]
async fn what_was_paid_upfront_is_spread_over_the_term_and_what_runs_other_systems_is_left_out() {
    let in_a_zone = Reservation { zone: Some("us-east-1a"), upfront: "175.2", hourly: "0.02", ..RESERVED };
    let vpc = Reservation { product: "Linux/UNIX (Amazon VPC)", count: 1, ..RESERVED };
    let windows = Reservation { product: "Windows", ..RESERVED };
    let fake = account(&[RESERVED, in_a_zone, vpc, windows], &[]).await;
    let reserved = |zone: Option<&str>, count, nano_usd_per_hour| Cover::Reserved {
        instance_type: "m5.large".into(),
        zone: zone.map(str::to_owned),
        count,
        nano_usd_per_hour,
    };
    let held = held(&fake).await.unwrap();
    let covers: Vec<Cover> = held.iter().map(|one| one.commitment.cover.clone()).collect();
    // 175.20 USD over the 8,760 hours of a year are two cents.
    let wanted = [
        reserved(None, 3, 60_500_000),
        reserved(Some("us-east-1a"), 3, 40_000_000),
        reserved(None, 1, 60_500_000),
    ];
    assert_eq!(covers, wanted);
    assert!(held.iter().all(|one| one.end_time == Some("2027-03-01T00:00:00Z".parse().unwrap())));
    assert_eq!(fake.faults_on_the_wire().unwrap_or_default(), "");
}

#[tokio::test]
async fn savings_plans_come_with_their_rates_for_linux_from_every_page() {
    let of_family =
        |id, region| SavingsPlan { id, kind: "EC2Instance", family: Some(("m5", region)), ..PLAN };
    let here = of_family("22222222-0000-4000-8000-000000000000", "us-east-1");
    let elsewhere = of_family("33333333-0000-4000-8000-000000000000", "eu-central-1");
    let of_models = SavingsPlan { id: "44444444-0000-4000-8000-000000000000", kind: "SageMaker", ..PLAN };
    let fake = account(&[], &[of_models, elsewhere, PLAN, here]).await;
    let held = held(&fake).await.unwrap();
    let rates = [("c7g.large", 52_400_000), ("m5.large", 70_300_000), ("m5.xlarge", 140_600_000)];
    let rates: std::collections::BTreeMap<String, i64> =
        rates.map(|(name, rate)| (name.to_owned(), rate)).into();
    let nano_usd_per_hour = 1_500_000_000;
    let covers: Vec<Cover> = held.into_iter().map(|one| one.commitment.cover).collect();
    let wanted = [
        Cover::ComputePlan { nano_usd_per_hour, rates: rates.clone() },
        Cover::InstancePlan { family: "m5".into(), nano_usd_per_hour, rates },
    ];
    assert_eq!(covers, wanted);
    assert_eq!(fake.faults_on_the_wire().unwrap_or_default(), "");
}

#[tokio::test]
async fn who_may_not_read_them_is_told_which_action_to_allow() {
    let fake = account(&[RESERVED], &[]).await;
    fake.refuse("savingsplans:DescribeSavingsPlans", "AccessDeniedException", 1);
    let why = held(&fake).await.unwrap_err().to_string();
    assert!(why.contains("allow savingsplans:DescribeSavingsPlans, see k8s/iam"), "{why}");
}

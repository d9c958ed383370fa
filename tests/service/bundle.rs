//! An exported plan, as a third party proves or rejects it.

use plimsoll_proto::v1 as pb;
use plimsoll_verify::{Bundle, Rejection, read, verify};

use super::rig::Rig;

/// One USD an hour, in nano-USD.
const USD: i64 = 1_000_000_000;

/// Exports a plan and puts its chunks together.
pub async fn export(rig: &Rig, plan: &str) -> Bundle {
    let format = pb::export_plan_request::Format::Bundle.into();
    let request = pb::ExportPlanRequest { name: plan.into(), format };
    let mut stream = rig.plans().export_plan(request).await.unwrap().into_inner();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.message().await.unwrap() {
        assert_eq!(bytes.is_empty(), !chunk.file_name.is_empty(), "only the first chunk names the file");
        bytes.extend_from_slice(&chunk.data);
    }
    read(bytes.as_slice()).unwrap()
}

/// A plan is proven as it is, and no longer once anything in it is changed.
#[track_caller]
pub fn check_proof(bundle: &Bundle) {
    let proof = verify(bundle).unwrap_or_else(|rejection| panic!("rejected: {rejection:?}"));
    let forged = |what: &str, forge: &dyn Fn(&mut Bundle), is_meant: &dyn Fn(&Rejection) -> bool| {
        let mut bundle = bundle.clone();
        forge(&mut bundle);
        let rejection = verify(&bundle).expect_err(what);
        assert!(is_meant(&rejection), "{what}: {rejection:?}, with {proof:?} before");
    };
    forged("a higher floor", &raise_floor, &|rejection| matches!(rejection, Rejection::Floor { .. }));
    forged("a pod dropped", &drop_pod, &|rejection| matches!(rejection, Rejection::Unplaced { .. }));
    forged("a lower price", &lower_price, &|rejection| matches!(rejection, Rejection::Digest { .. }));
    forged("a lower cost", &|bundle| bundle.plan.cost_after_nano_usd_per_hour -= 1, &|rejection| {
        matches!(rejection, Rejection::Cost { .. })
    });
}

fn raise_floor(bundle: &mut Bundle) {
    bundle.plan.objective_floor_nano_usd_per_hour += USD;
    bundle.certificate.objective_floor_nano_usd_per_hour += USD;
}

fn drop_pod(bundle: &mut Bundle) {
    let holder = bundle.plan.placements.iter_mut().find(|placement| !placement.placed.is_empty()).unwrap();
    let placed = holder.placed.iter_mut().max_by_key(|placed| placed.count).unwrap();
    if placed.count == 1 {
        let demand = placed.demand;
        holder.placed.retain(|placed| placed.demand != demand);
    } else {
        placed.count -= 1;
    }
}

fn lower_price(bundle: &mut Bundle) {
    let used = bundle.plan.placements[0].offering as usize;
    bundle.problem.offerings[used].price_nano_usd_per_hour /= 2;
}

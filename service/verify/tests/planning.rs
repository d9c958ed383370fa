//! The planning instances: what can be proven of them is, in full, and never more than a plan is known to cost.

#[path = "../../../tests/data.rs"]
mod data;

use std::fs::File;

use flate2::read::GzDecoder;
use plimsoll_verify::problem::{CapacityKind, Demand, Offering};
use plimsoll_verify::{Certificate, Problem, floor};
use serde::Deserialize;

/// What column generation ended with on C100, where each of the dual prices binds.
#[rustfmt::skip]
const C100_DUALS: [i64; 46] = [
    0, 18_243_208_386_847, 0, 33_888_855_936_062, 33_888_855_936_062, 29_694_341_820_695,
    11_451_133_433_848, 5_212_345_253_384, 104_911_523_282_208, 108_972_061_055_498, 99_269_535_322_442,
    0, 0, 8_470_061_036_750, 4_031_235_196_562, 1_303_086_313_346, 12_427_792_029_249,
    12_172_867_411_339, 4_083_936_970_087, 1_303_086_313_346, 0, 7_166_974_723_404, 52_661_370_154_375,
    30_679_612_205_157, 2_009_350_402_688, 2_009_350_402_688, 0, 90_768_311_055_682, 10_172_323_914_218,
    3_937_058_770_859, 4_083_936_970_087, 0, 22_352_955_281_783, 4_083_936_970_087, 12_427_792_029_249,
    2_009_350_402_688, 14_108_541_059_290, 14_108_541_059_290, 7_950_017_521_804, 15_547_511_130_378,
    4_083_936_970_087, 4_227_074_868_923, 1_303_086_313_346, 410_512_459_058_651, 11_076_233_663_442,
    39_801_216_398_580,
];
/// What they add up to, in nano-USD per hour: 0.01 % below the optimum of the relaxed fleet.
const C100_FLOOR: i64 = 2_426_943_826;

#[derive(Deserialize)]
struct Instance {
    resources: Vec<String>,
    offerings: Vec<Sold>,
    shapes: Vec<Shape>,
}

#[derive(Deserialize)]
struct Sold {
    id: String,
    #[serde(rename = "type")]
    instance_type: String,
    zone: String,
    kind: String,
    arch: String,
    capacity: Vec<i64>,
    price_nano_usd_per_hour: i64,
}

#[derive(Deserialize)]
struct Shape {
    request: Vec<i64>,
    count: i32,
    max_per_node: Option<i32>,
    arch: Option<String>,
    kind: Option<String>,
    zone: Option<String>,
}

impl Shape {
    fn may_run_on(&self, sold: &Sold, gpu: usize) -> bool {
        let is = |wish: &Option<String>, value: &str| wish.as_ref().is_none_or(|wish| wish == value);
        let place = is(&self.arch, &sold.arch) && is(&self.kind, &sold.kind) && is(&self.zone, &sold.zone);
        place && (0 < self.request[gpu]) == (0 < sold.capacity[gpu])
    }
}

fn instance(name: &str) -> Option<Problem> {
    let file = File::open(data::path(&format!("bench/{name}.json.gz"))?).expect("the instance is there");
    let Instance { resources, offerings, shapes } =
        serde_json::from_reader(GzDecoder::new(file)).expect("an instance");
    let gpu = resources.iter().position(|resource| resource == "gpu").expect("GPUs are counted");
    let demand = |(index, shape): (usize, &Shape)| {
        let eligible = (0..).zip(&offerings).filter(|(_, sold)| shape.may_run_on(sold, gpu));
        Demand {
            id: index.to_string(),
            count: shape.count,
            request: shape.request.clone(),
            max_per_node: shape.max_per_node,
            offerings: eligible.map(|(index, _)| index).collect(),
            ..Demand::default()
        }
    };
    let demands = shapes.iter().enumerate().map(demand).collect();
    let offerings = offerings.into_iter().map(offering).collect();
    Some(Problem { version: 1, resources, offerings, demands, ..Problem::default() })
}

fn offering(sold: Sold) -> Offering {
    Offering {
        id: sold.id,
        instance_type: sold.instance_type,
        zone: sold.zone,
        kind: if sold.kind == "spot" { CapacityKind::Spot } else { CapacityKind::OnDemand },
        capacity: sold.capacity,
        price_nano_usd_per_hour: sold.price_nano_usd_per_hour,
        ..Offering::default()
    }
}

fn proven(problem: &Problem, shape_duals: Vec<i64>) -> i64 {
    let certificate = Certificate { version: 1, shape_duals, ..Certificate::default() };
    floor::of(problem, &certificate).expect("problem and certificate are well-formed")
}

/// The least price of a pod if every resource bore an equal part of a node's price: no content is worth more than
/// its node.
fn shares(problem: &Problem) -> Vec<i64> {
    let of = |demand: &Demand, index: i32| {
        let offering = &problem.offerings[usize::try_from(index).expect("an index")];
        let used: Vec<_> =
            demand.request.iter().zip(&offering.capacity).filter(|(_, has)| 0 < **has).collect();
        let price = i128::from(offering.price_nano_usd_per_hour) * 1_000_000;
        let parts = i128::try_from(used.len()).expect("a few");
        used.iter().map(|(asks, has)| price * i128::from(**asks) / i128::from(**has) / parts).sum::<i128>()
    };
    let least = |demand: &Demand| demand.offerings.iter().map(|index| of(demand, *index)).min().unwrap_or(0);
    problem.demands.iter().map(|demand| i64::try_from(least(demand)).expect("a price")).collect()
}

fn sum(problem: &Problem, duals: &[i64]) -> i64 {
    let worths = problem.demands.iter().zip(duals).map(|(it, dual)| i128::from(it.count) * i128::from(*dual));
    i64::try_from(worths.sum::<i128>() / 1_000_000).expect("a price")
}

#[test]
fn what_resources_in_equal_parts_prove_is_proven_to_the_digit() {
    for name in ["C100", "C1k", "S1k", "U10k", "openb"] {
        let Some(problem) = instance(name) else { return };
        let duals = shares(&problem);
        let expected = sum(&problem, &duals);
        assert!(0 < expected);
        assert_eq!(proven(&problem, duals), expected, "{name}");
    }
}

#[test]
fn what_whole_pods_prove_is_proven_to_the_digit() {
    let Some(problem) = instance("C100") else { return };
    assert_eq!(sum(&problem, &C100_DUALS), C100_FLOOR);
    assert_eq!(proven(&problem, C100_DUALS.to_vec()), C100_FLOOR);
}

/// Costs that a plan has reached, in nano-USD per hour: what is proven stays below, however high the duals.
#[test]
fn nothing_above_a_plan_is_proven() {
    #[track_caller]
    fn check(name: &str, duals: fn(&Problem) -> Vec<i64>, plan: i64) {
        let Some(problem) = instance(name) else { return };
        for factor in [101, 110, 150, 300, 1000] {
            let raised = duals(&problem).iter().map(|dual| dual / 100 * factor).collect();
            let floor = proven(&problem, raised);
            assert!(0 < floor && floor <= plan, "{name} {factor} %: {floor}");
        }
    }
    check("C100", |_| C100_DUALS.to_vec(), 2_454_320_000);
    check("C1k", shares, 11_530_100_000);
    check("S1k", shares, 20_960_200_000);
    check("openb", shares, 7_488_590_000_000);
}

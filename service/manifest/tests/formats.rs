//! Traces and ready instances: real files, read as a whole through the one door.

#[path = "../../../tests/data.rs"]
mod data;

use std::fs::File;
use std::io::Read as _;

use jiff::Timestamp;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::policy::Preset;
use plimsoll_domain::problem::Problem;
use plimsoll_domain::snapshot::{Content, ReadyKind, Snapshot, TracePod};
use plimsoll_manifest::{Read, ReadError, ReadOptions, read, read_named};

fn options(include_finished: bool) -> ReadOptions {
    ReadOptions { include_finished, now: Timestamp::UNIX_EPOCH }
}

fn ready(path: &str, include_finished: bool) -> Option<(Snapshot, ReadyKind)> {
    let file = File::open(data::path(path)?).expect("the file is there");
    let Ok(Read::Snapshot(snapshot)) = read(file, &options(include_finished)) else {
        panic!("{path}: refused")
    };
    let Content::Ready(instance) = snapshot.content.clone() else { panic!("{path}: not ready") };
    assert_eq!(instance.preset, Preset::None);
    Some((*snapshot, instance.kind))
}

fn problem(name: &str) -> Option<Problem> {
    match ready(&format!("bench/{name}.json.gz"), false)?.1 {
        ReadyKind::Problem(problem) => Some(problem),
        ReadyKind::Pods(_) => panic!("{name}: not a problem"),
    }
}

#[test]
fn the_openb_trace_counts_as_published() {
    for (include_finished, want) in [(true, 8152), (false, 8152 - 2062)] {
        let Some((snapshot, kind)) = ready("openb/openb_pod_list_default.csv", include_finished) else {
            return;
        };
        let ReadyKind::Pods(pods) = kind else { panic!("not pods") };
        assert_eq!(pods.len(), want);
        let first = TracePod {
            name: "openb-pod-0000".into(),
            cpu_milli: 12_000,
            memory_bytes: 16_384 << 20,
            gpus: 1,
        };
        assert_eq!(pods[0], first);
        let codes: Vec<&str> = snapshot.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, ["FINISHED_PODS", "GPU_SHARE"]);
    }
}

#[test]
fn the_trace_and_the_instance_made_of_it_agree() {
    let Some((_, ReadyKind::Pods(pods))) = ready("openb/openb_pod_list_default.csv", true) else { return };
    let Some(problem) = problem("openb") else { return };
    assert_eq!(problem.pod_count(), 8152);
    let gpus: i64 = pods.iter().map(|pod| pod.gpus).sum();
    let asked: i64 = problem.demands.iter().map(|demand| i64::from(demand.count) * demand.request[2]).sum();
    assert_eq!(asked, gpus);
}

#[test]
fn instances_keep_pods_where_their_shapes_say() {
    let sizes = [
        ("C100", 100),
        ("C1k", 1000),
        ("C10k", 10_000),
        ("S1k", 1000),
        ("S10k", 10_000),
        ("U10k", 10_000),
        ("U100k", 100_000),
        ("C100k", 100_000),
    ];
    for (name, pods) in sizes {
        let Some(problem) = problem(name) else { return };
        assert_eq!(problem.pod_count(), pods, "{name}");
        assert_eq!(problem.resources, ["cpu_milli", "memory_mib", "gpu", "pods"], "{name}");
        for demand in &problem.demands {
            assert!(!demand.offerings.is_empty(), "{name}: {} runs nowhere", demand.id);
            for offering in &demand.offerings {
                let capacity = &problem.offerings[*offering as usize].capacity;
                assert_eq!(0 < demand.request[2], 0 < capacity[2], "{name}: {}", demand.id);
            }
        }
    }
    let Some(problem) = problem("C100") else { return };
    let last = problem.demands.last().expect("there are some");
    assert_eq!((last.count, last.request.as_slice()), (2, &[1000, 4096, 0, 1][..]));
    let kinds = last.offerings.iter().map(|index| problem.offerings[*index as usize].kind);
    assert!(kinds.eq(last.offerings.iter().map(|_| CapacityKind::OnDemand)), "it wants on-demand");
    let first = &problem.offerings[0];
    assert_eq!((first.id.as_str(), first.price.nano_usd()), ("a1.2xlarge/us-east-1a/on-demand", 204_000_000));
    assert_eq!(first.capacity, [7760, 13847, 0, 54]);
}

#[track_caller]
fn check_bad(text: &str, want: &str) {
    match read(text.as_bytes(), &options(false)) {
        Err(ReadError::Bad(fault)) => assert_eq!(fault.to_string(), want),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not refused"),
    }
}

#[test]
fn instances_and_traces_that_are_wrong_are_refused_with_their_place() {
    let instance = |offering: &str, shape: &str| {
        format!(
            "{{\"resources\":[\"cpu_milli\",\"gpu\"],\n\"offerings\":[{{\"id\":\"a\",\"type\":\"t\",\"zone\":\"z\",\"arch\":\"x\",\
             {offering}}}],\n\"shapes\":[{{{shape}}}]}}"
        )
    };
    let sound = "\"kind\":\"spot\",\"capacity\":[1,0],\"price_nano_usd_per_hour\":5";
    let shape = "\"request\":[1,0],\"count\":1";
    assert!(read(instance(sound, shape).as_bytes(), &options(false)).is_ok());
    check_bad(
        &instance(sound, "\"request\":[1],\"count\":1"),
        "shapes[0].request: 1 amounts where there are 2 resources",
    );
    check_bad(&instance(sound, "\"request\":[1,-1],\"count\":1"), "shapes[0].request[1]: negative");
    check_bad(&instance(sound, "\"request\":[1,0],\"count\":0"), "shapes[0].count: 0, expected 1 or more");
    check_bad(
        &instance(&sound.replace('5', "-5"), shape),
        "line 2, column 116: offerings[0].price_nano_usd_per_hour: a price may not be negative",
    );
    check_bad(
        &instance(&sound.replace("spot", "free"), shape),
        "line 2, column 69: offerings[0].kind: unknown variant `free`, expected `on-demand` or `spot`",
    );
    let trace = |row: &str| format!("name,cpu_milli,memory_mib,num_gpu,gpu_milli,pod_phase\n{row}");
    check_bad(&trace("a,1,1,0,0,Running\na,1,1,0,0,Running\n"), "line 3: name: pod a is there twice");
    check_bad(
        &trace("a,1.5,1,0,0,Running\n"),
        "line 2: cpu_milli: \"1.5\" is no whole number from 0 to 1000000000",
    );
    check_bad(&trace("a,1,1,0,0\n"), "line 2: 5 fields where the header has 6");
    check_bad("{\"SpotPriceHistory\": []}", "these are prices, not a cluster; import them as prices");
    assert!(matches!(read(trace("").as_bytes(), &options(false)), Err(ReadError::Empty { what: "pods" })));
}

#[test]
fn usage_comes_through_the_same_door() {
    let text = "{\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"namespace\":\"a\",\"pod\":\"b\",\
                \"container\":\"c\"},\"values\":[[1,\"0.5\"]]}]}}";
    let Ok(Read::Usage(samples)) = read_named(text.as_bytes(), "shop-memory.json", &options(false)) else {
        panic!("refused")
    };
    assert_eq!((samples.len(), samples[0].memory_bytes), (1, Some(1)));
}

/// Whatever the bytes, there is an answer.
#[test]
fn damaged_files_never_panic() {
    let Some(path) = data::path("kube/shop.json.gz") else { return };
    let mut text = Vec::new();
    let file = File::open(path).expect("the dump is there");
    flate2::read::GzDecoder::new(file).take(400_000).read_to_end(&mut text).expect("sound gzip");
    let mut state = 1_u64;
    for _ in 0..20 {
        let mut damaged = text.clone();
        for _ in 0..50 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) as usize % damaged.len();
            damaged[at] = (state >> 24) as u8;
        }
        let _answer = read(damaged.as_slice(), &options(false));
    }
}

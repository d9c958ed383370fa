//! Samples from each format, and what is wrong with those that are none.

use plimsoll_domain::usage::Sample;
use plimsoll_domain::workload::WorkloadKind;

use super::{Format, Measure, Summary, read};
use crate::error::ReadError;
use crate::input;

fn samples(format: Format, text: &str) -> Result<(Vec<Sample>, Summary), ReadError> {
    let mut samples = Vec::new();
    let text = input::open(text.as_bytes())?;
    let summary = read(text, format, Some(Measure::CpuCores), |sample| {
        samples.push(sample);
        Ok(())
    })?;
    Ok((samples, summary))
}

/// A sample in one line: time, pod, container, CPU, memory.
fn line(sample: &Sample) -> String {
    let Sample { time, namespace, pod, container, cpu_milli, memory_bytes, .. } = sample;
    format!("{time} {namespace}/{pod}/{container} {cpu_milli:?} {memory_bytes:?}")
}

#[track_caller]
fn check(format: Format, text: &str, want: &[&str], summary: Summary) {
    let (samples, found) = samples(format, text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(samples.iter().map(line).collect::<Vec<_>>(), want);
    assert_eq!(found, summary);
}

#[track_caller]
fn check_bad(format: Format, text: &str, want: &str) {
    match samples(format, text) {
        Err(ReadError::Bad(fault)) => assert_eq!(fault.to_string(), want),
        other => panic!("not refused as bad: {other:?}"),
    }
}

fn matrix(result: &str) -> String {
    format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[\n{result}\n]}}}}")
}

const WEB: &str = r#""metric":{"namespace":"shop","pod":"web-0","container":"main"}"#;

#[test]
fn a_matrix_is_read_point_by_point_and_gaps_stay_gaps() {
    check(
        Format::Prometheus,
        &matrix(&format!(
            "{{{WEB},\"values\":[[1790000000,\"0.25\"],[1790000600.5,\"1e-3\"],[1790000900,\"NaN\"],[1790001200,\"+Inf\"],\
             [1790001500,\"-1\"]]}},\n{{\"metric\":{{\"namespace\":\"shop\",\"pod\":\"web-0\"}},\"values\":[[1790000000,\"3\"]]}}"
        )),
        &[
            "2026-09-21T14:13:20Z shop/web-0/main Some(250.0) None",
            "2026-09-21T14:23:20.5Z shop/web-0/main Some(1.0) None",
        ],
        Summary { samples: 2, dropped: 3, skipped_series: 1, warnings: Vec::new() },
    );
    let named = r#"{"metric":{"__name__":"container_memory_working_set_bytes","namespace":"a","pod":"b","container":"c"},
        "value":[1790000000,"1048576.5"]}"#;
    let text = matrix(named).replace("matrix", "vector").replace("]}}", "]},\"warnings\":[\"partial\"]}");
    check(
        Format::Prometheus,
        &text,
        &["2026-09-21T14:13:20Z a/b/c None Some(1048577)"],
        Summary { samples: 1, warnings: vec!["partial".to_owned()], ..Summary::default() },
    );
}

#[test]
fn a_matrix_that_is_wrong_is_refused_with_its_place() {
    let values = |point: &str| matrix(&format!("{{{WEB},\n\"values\":[[1,\"1\"],{point}]}}"));
    check_bad(
        Format::Prometheus,
        &values("[2,\"x\"]"),
        "line 2: data.result[0].values[1]: \"x\" is no number",
    );
    check_bad(
        Format::Prometheus,
        &values("[1e300,\"1\"]"),
        "line 2: data.result[0].values[1]: 1e300 is no time",
    );
    check_bad(
        Format::Prometheus,
        &values("[2,3]"),
        "line 3, column 22: data.result[0].values[1][1]: invalid type: integer `3`, expected a string",
    );
    let podless = matrix("{\"metric\":{\"namespace\":\"a\",\"container\":\"c\"},\"values\":[]}");
    check_bad(Format::Prometheus, &podless, "line 2: data.result[0].metric.pod: the label is missing");
    let failed = "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"query timed out\"}";
    check_bad(Format::Prometheus, failed, "Prometheus answered with an error: query timed out");
    let scalar = "{\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"2\"]}}";
    check_bad(Format::Prometheus, scalar, "resultType: \"scalar\" is neither \"matrix\" nor \"vector\"");
    let text = input::open(matrix(&format!("{{{WEB},\"values\":[[1,\"1\"]]}}")).into_bytes().leak() as &[u8]);
    let unnamed = text.and_then(|text| read(text, Format::Prometheus, None, |_| Ok(())));
    assert!(unnamed.is_err_and(|error| error.to_string().contains("CPU or memory")));
}

#[test]
fn names_tell_what_is_measured() {
    for (name, want) in [
        ("usage-cpu.json", Some(Measure::CpuCores)),
        ("container_cpu_usage_seconds_total", Some(Measure::CpuCores)),
        ("Memory.json.gz", Some(Measure::MemoryBytes)),
        ("cpu-and-memory.json", None),
        ("usage.json", None),
    ] {
        assert_eq!(Measure::of_name(name), want, "{name}");
    }
}

#[test]
fn a_list_of_pod_metrics_is_one_window_of_each_container() {
    let pod = |cpu: &str| {
        format!(
            "{{\"kind\":\"PodMetricsList\",\"items\":[{{\"metadata\":{{\"name\":\"web-0\",\"namespace\":\"shop\"}},\
             \"timestamp\":\"2026-11-22T10:00:00Z\",\"window\":\"15s\",\"containers\":[\n{{\"name\":\"main\",\
             \"usage\":{{\"cpu\":\"{cpu}\",\"memory\":\"12Mi\"}}}},{{\"name\":\"side\",\"usage\":{{\"memory\":\"1Ki\"}}}}]}}]}}"
        )
    };
    check(
        Format::PodMetrics,
        &pod("1500250n"),
        &[
            "2026-11-22T10:00:00Z shop/web-0/main Some(1.50025) Some(12582912)",
            "2026-11-22T10:00:00Z shop/web-0/side None Some(1024)",
        ],
        Summary { samples: 2, ..Summary::default() },
    );
    let place = "line 1: items[0].containers[0].usage.cpu: ";
    check_bad(
        Format::PodMetrics,
        &pod("x"),
        &format!("{place}\"x\" is not a Kubernetes quantity such as 250m, 1.5Gi or 2"),
    );
    check_bad(
        Format::PodMetrics,
        "{\"items\":{}}",
        "line 1, column 10: this is not the JSON expected: invalid type: map, expected an array as \"items\"",
    );
}

#[test]
fn a_table_may_leave_amounts_open_and_may_name_workloads() {
    check(
        Format::Table,
        "time,namespace,pod,container,cpu_milli,memory_bytes\n\
         2026-11-22T10:00:00Z,shop,web-0,main,12.5,1024\n\
         1790000000, shop, web-0, main, ,1024.2\n\
         1790000000,shop,web-0,main,NaN,-1\n\
         1790000000,shop,web-0,main,inf,7\n",
        &[
            "2026-11-22T10:00:00Z shop/web-0/main Some(12.5) Some(1024)",
            "2026-09-21T14:13:20Z shop/web-0/main None Some(1025)",
            "2026-09-21T14:13:20Z shop/web-0/main None Some(7)",
        ],
        Summary { samples: 3, dropped: 3, ..Summary::default() },
    );
    let text = "kind,workload,pod,namespace,container,time,cpu_milli,memory_bytes\n\
                Deployment,web,web-0,shop,main,1790000000,1,\n,,web-0,shop,main,1790000000,1,\n";
    let (found, _) = samples(Format::Table, text).expect("sound");
    let owner = found[0].workload.as_ref().expect("named");
    assert_eq!(
        (owner.kind, owner.namespace.as_str(), owner.name.as_str()),
        (WorkloadKind::Deployment, "shop", "web")
    );
    assert_eq!(found[1].workload, None);
}

#[test]
fn a_table_that_is_wrong_is_refused_with_line_and_column() {
    let table = |row: &str| format!("time,namespace,pod,container,cpu_milli,memory_bytes\n{row}\n");
    check_bad(Format::Table, "time,pod\n", "line 1: namespace: the column is missing");
    check_bad(Format::Table, &table("1,a,b,c,x,"), "line 2: cpu_milli: \"x\" is no number");
    check_bad(Format::Table, &table("1,,b,c,1,"), "line 2: namespace: is empty");
    check_bad(Format::Table, &table("1,a,b"), "line 2: 3 fields where the header has 6");
    check_bad(
        Format::Table,
        &table("yesterday,a,b,c,1,2"),
        "line 2: time: \"yesterday\" is neither RFC 3339 nor seconds since 1970",
    );
    let text = "time,namespace,pod,container,cpu_milli,memory_bytes,kind,workload\n1,a,b,c,1,1,Deployment,\n";
    check_bad(Format::Table, text, "line 2: workload: is empty, though kind is not");
}

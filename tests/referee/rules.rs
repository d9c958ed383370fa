//! Random rules of pods: what they say about nodes and about each other.

use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

use super::demand::APPS;
use super::draw::{in_percent, one, some};

/// Domains of spreads and affinities.
const KEYS: [&str; 3] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack"];

/// Gives a pod each sort of rule in so many of a hundred cases.
pub fn add(random: &mut SmallRng, percent: u32, nodes: &[String], pod: &mut Value) {
    if in_percent(random, percent / 2) {
        let (key, value) = *one(random, &[("disk", "ssd"), ("tier", "a"), ("rack", "r1"), ("disk", "none")]);
        pod["spec"]["nodeSelector"] = json!({ key: value });
    }
    if in_percent(random, percent) {
        pod["spec"]["affinity"]["nodeAffinity"] = node_affinity(random, nodes);
    }
    if in_percent(random, 2 * percent) {
        pod["spec"]["tolerations"] = tolerations(random);
    }
    if in_percent(random, percent) {
        pod["spec"]["topologySpreadConstraints"] = spreads(random);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        if in_percent(random, percent) {
            pod["spec"]["affinity"][kind] = pod_affinity(random);
        }
    }
    if in_percent(random, percent) {
        pod["spec"]["containers"][0]["ports"] = ports(random);
    }
}

fn node_affinity(random: &mut SmallRng, nodes: &[String]) -> Value {
    let mut affinity = json!({});
    if in_percent(random, 60) {
        let terms: Vec<_> = (0..random.random_range(1..3)).map(|_| node_term(random, nodes)).collect();
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = json!({ "nodeSelectorTerms": terms });
    }
    if in_percent(random, 60) {
        let term = |random: &mut SmallRng| json!({ "weight": random.random_range(1..=100), "preference": node_term(random, nodes) });
        let terms: Vec<_> = (0..random.random_range(1..4)).map(|_| term(random)).collect();
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = json!(terms);
    }
    affinity
}

fn node_term(random: &mut SmallRng, nodes: &[String]) -> Value {
    if in_percent(random, 10) {
        let operator = *one(random, &["In", "NotIn"]);
        let field = json!({ "key": "metadata.name", "operator": operator, "values": [one(random, nodes)] });
        return json!({ "matchFields": [field] });
    }
    let some: Vec<_> = (0..random.random_range(1..3)).map(|_| expression(random)).collect();
    json!({ "matchExpressions": some })
}

fn expression(random: &mut SmallRng) -> Value {
    let key = *one(random, &["disk", "tier", "rack", "topology.kubernetes.io/zone"]);
    match random.random_range(0..8) {
        0 => json!({ "key": "rack", "operator": "Exists" }),
        1 => json!({ "key": "rack", "operator": "DoesNotExist" }),
        2 => json!({ "key": "size", "operator": "Gt", "values": [random.random_range(0..6).to_string()] }),
        3 => json!({ "key": "size", "operator": "Lt", "values": [random.random_range(3..9).to_string()] }),
        sort => {
            let values = match key {
                "disk" => some(random, &["ssd", "hdd"], 1),
                "tier" => some(random, &["a", "b", "c", "d"], 3),
                "rack" => some(random, &["r1", "r2", "r3", "r4", "r5"], 3),
                _ => some(random, &super::machine::ZONES, 3),
            };
            let operator = if sort == 4 { "NotIn" } else { "In" };
            json!({ "key": key, "operator": operator, "values": values })
        }
    }
}

fn tolerations(random: &mut SmallRng) -> Value {
    let all = [
        json!({ "key": "dedicated", "operator": "Equal", "value": "x", "effect": "NoSchedule" }),
        json!({ "key": "dedicated", "operator": "Exists" }),
        json!({ "key": "slow", "operator": "Exists", "effect": "PreferNoSchedule" }),
        json!({ "key": "old", "operator": "Exists" }),
        json!({ "key": "node.kubernetes.io/unschedulable", "operator": "Exists" }),
        json!({ "operator": "Exists" }),
    ];
    json!(some(random, &all, 2))
}

fn selector(random: &mut SmallRng) -> Value {
    match random.random_range(0..8) {
        0 => json!({}),
        1 => json!({ "matchExpressions": [{ "key": "rev", "operator": "Exists" }] }),
        2 => json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["db"] }] }),
        3 => {
            json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": some(random, &APPS, 2) }] })
        }
        _ => json!({ "matchLabels": { "app": one(random, &APPS) } }),
    }
}

fn spreads(random: &mut SmallRng) -> Value {
    let spread = |key: &str, random: &mut SmallRng| {
        let required = in_percent(random, 60);
        let mut spread = json!({
            "topologyKey": key,
            "maxSkew": random.random_range(1..4),
            "whenUnsatisfiable": if required { "DoNotSchedule" } else { "ScheduleAnyway" },
            "labelSelector": { "matchLabels": { "app": one(random, &APPS) } },
        });
        if in_percent(random, 20) {
            spread["labelSelector"] = selector(random);
        } else if in_percent(random, 20) {
            spread["matchLabelKeys"] = json!(["rev"]);
        }
        if required && in_percent(random, 25) {
            spread["minDomains"] = json!(random.random_range(1..6));
        }
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            if in_percent(random, 30) {
                spread[policy] = json!(*one(random, &["Honor", "Ignore"]));
            }
        }
        spread
    };
    json!(some(random, &KEYS, 2).into_iter().map(|key| spread(key, random)).collect::<Vec<_>>())
}

fn pod_affinity(random: &mut SmallRng) -> Value {
    let mut affinity = json!({});
    if in_percent(random, 55) {
        let terms: Vec<_> = (0..random.random_range(1..3)).map(|_| pod_term(random)).collect();
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = json!(terms);
    }
    if in_percent(random, 60) {
        let term = |random: &mut SmallRng| json!({ "weight": random.random_range(1..=100), "podAffinityTerm": pod_term(random) });
        let terms: Vec<_> = (0..random.random_range(1..4)).map(|_| term(random)).collect();
        affinity["preferredDuringSchedulingIgnoredDuringExecution"] = json!(terms);
    }
    affinity
}

fn pod_term(random: &mut SmallRng) -> Value {
    let mut term = json!({ "topologyKey": one(random, &KEYS), "labelSelector": selector(random) });
    match random.random_range(0..10) {
        0 => term["namespaces"] = json!(["other"]),
        1 => term["namespaces"] = json!(["default", "other"]),
        2 => term["namespaceSelector"] = json!({}),
        3 => term["namespaceSelector"] = json!({ "matchLabels": { "team": "blue" } }),
        4 => {
            term["labelSelector"] = json!({ "matchLabels": { "app": one(random, &APPS) } });
            let keys = *one(random, &["matchLabelKeys", "mismatchLabelKeys"]);
            term[keys] = json!(["rev"]);
        }
        _ => {}
    }
    term
}

fn ports(random: &mut SmallRng) -> Value {
    let mut port = json!({ "containerPort": 80, "hostPort": *one(random, &[8080, 8081]) });
    if in_percent(random, 30) {
        port["protocol"] = json!("UDP");
    }
    if in_percent(random, 40) {
        port["hostIP"] = json!(*one(random, &["10.0.0.1", "10.0.0.2", "0.0.0.0"]));
    }
    json!([port])
}

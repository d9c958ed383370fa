//! Labels and selectors, with the names that labels have today (rule 17).

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use plimsoll_domain::fleet::{LABEL_ARCH, LABEL_INSTANCE_TYPE, LABEL_OS, LABEL_REGION, LABEL_ZONE};
use plimsoll_domain::selector::{LabelSelector, Labels, NodeTerm, Operator, Requirement};

use crate::error::{At, Fault};

/// Former names of well-known labels. Source: the list of well-known labels in the Kubernetes documentation.
const FORMER: [(&str, &str); 5] = [
    ("beta.kubernetes.io/arch", LABEL_ARCH),
    ("beta.kubernetes.io/os", LABEL_OS),
    ("beta.kubernetes.io/instance-type", LABEL_INSTANCE_TYPE),
    ("failure-domain.beta.kubernetes.io/zone", LABEL_ZONE),
    ("failure-domain.beta.kubernetes.io/region", LABEL_REGION),
];

/// The present name of a label's key.
pub(super) fn present_key(key: String) -> String {
    FORMER.iter().find(|(former, _)| *former == key).map_or(key, |(_, present)| (*present).to_owned())
}

/// Labels of a node, or a selector of them, under their present names. Where both names are there, the present
/// one counts.
pub(super) fn present_labels(labels: Labels) -> Labels {
    let (former, mut present): (Labels, Labels) =
        labels.into_iter().partition(|(key, _)| FORMER.iter().any(|(former, _)| former == key));
    for (key, value) in former {
        present.entry(present_key(key)).or_insert(value);
    }
    present
}

/// A selector of pods or namespaces. None selects nothing, as in Kubernetes; the empty one selects everything.
pub(super) fn selector(from: Option<meta::LabelSelector>) -> Result<LabelSelector, Fault> {
    let Some(from) = from else { return Ok(nothing()) };
    let equal = from.match_labels.unwrap_or_default().into_iter();
    let mut requirements: Vec<Requirement> =
        equal.map(|(key, value)| Requirement { key, operator: Operator::In, values: vec![value] }).collect();
    for (index, expression) in from.match_expressions.unwrap_or_default().into_iter().enumerate() {
        let path = format_args!("matchExpressions[{index}].operator");
        let operator = label_operator(&expression.operator).at(path)?;
        let values = expression.values.unwrap_or_default();
        requirements.push(Requirement { key: expression.key, operator, values });
    }
    Ok(LabelSelector { requirements })
}

/// The selector that matches nothing: no value is one of none.
fn nothing() -> LabelSelector {
    let never = Requirement { key: String::new(), operator: Operator::In, values: Vec::new() };
    LabelSelector { requirements: vec![never] }
}

/// Adds what `matchLabelKeys` or `mismatchLabelKeys` mean for a pod with these labels. Keys that the pod does not
/// have are ignored; what an API server has folded in already is not repeated.
pub(super) fn fold_keys(
    selector: &mut LabelSelector,
    keys: Option<Vec<String>>,
    operator: Operator,
    pod: &Labels,
) {
    for key in keys.unwrap_or_default() {
        let Some(value) = pod.get(&key) else { continue };
        let requirement = Requirement { key, operator, values: vec![value.clone()] };
        if !selector.requirements.contains(&requirement) {
            selector.requirements.push(requirement);
        }
    }
}

/// A term of a node selector.
pub(super) fn node_term(from: core::NodeSelectorTerm) -> Result<NodeTerm, Fault> {
    let labels = requirements(from.match_expressions).at("matchExpressions")?;
    let fields = requirements(from.match_fields).at("matchFields")?;
    Ok(NodeTerm { labels, fields })
}

/// Alternative terms of a node selector.
pub(super) fn node_terms(from: Vec<core::NodeSelectorTerm>) -> Result<Vec<NodeTerm>, Fault> {
    let terms = from.into_iter().enumerate();
    terms.map(|(index, term)| node_term(term).at(format_args!("nodeSelectorTerms[{index}]"))).collect()
}

fn requirements(from: Option<Vec<core::NodeSelectorRequirement>>) -> Result<Vec<Requirement>, Fault> {
    let one = |(index, requirement): (usize, core::NodeSelectorRequirement)| {
        let operator = node_operator(&requirement.operator).at(format_args!("[{index}].operator"))?;
        let values = requirement.values.unwrap_or_default();
        Ok(Requirement { key: present_key(requirement.key), operator, values })
    };
    from.unwrap_or_default().into_iter().enumerate().map(one).collect()
}

fn label_operator(text: &str) -> Result<Operator, Fault> {
    match text {
        "In" => Ok(Operator::In),
        "NotIn" => Ok(Operator::NotIn),
        "Exists" => Ok(Operator::Exists),
        "DoesNotExist" => Ok(Operator::DoesNotExist),
        _ => Err(Fault::new(format!("{text:?} is none of In, NotIn, Exists, DoesNotExist"))),
    }
}

fn node_operator(text: &str) -> Result<Operator, Fault> {
    match text {
        "Gt" => Ok(Operator::Gt),
        "Lt" => Ok(Operator::Lt),
        _ => label_operator(text)
            .map_err(|_| Fault::new(format!("{text:?} is none of In, NotIn, Exists, DoesNotExist, Gt, Lt"))),
    }
}

//! Findings and taints.

use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::workload::{Taint, TaintEffect};
use plimsoll_proto::v1 as pb;

/// Findings as the wire has them.
pub fn findings(from: &[Finding]) -> Vec<pb::Finding> {
    from.iter().map(finding).collect()
}

fn finding(from: &Finding) -> pb::Finding {
    let severity = match from.severity {
        Severity::Info => pb::finding::Severity::Info,
        Severity::Advice => pb::finding::Severity::Advice,
        Severity::Warning => pb::finding::Severity::Warning,
    };
    pb::Finding {
        severity: severity.into(),
        code: from.code.clone(),
        subject: from.subject.clone(),
        message: from.message.clone(),
    }
}

/// A taint as the wire has it.
pub fn taint(from: &Taint) -> pb::Taint {
    let effect = match from.effect {
        TaintEffect::NoSchedule => pb::taint::Effect::NoSchedule,
        TaintEffect::PreferNoSchedule => pb::taint::Effect::PreferNoSchedule,
        TaintEffect::NoExecute => pb::taint::Effect::NoExecute,
    };
    pb::Taint { key: from.key.clone(), value: from.value.clone(), effect: effect.into() }
}

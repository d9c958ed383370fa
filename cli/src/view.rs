//! How plans look to a person.

use plimsoll_proto::v1::change::Kind;
use plimsoll_proto::v1::finding::Severity;
use plimsoll_proto::v1::plan::Stop;
use plimsoll_proto::v1::{Change, Explanation, Finding, Plan, RefereeReport};

use crate::output::{Output, Table, draw, thousands, usd_per_hour, usd_per_month};

/// Findings shown to a person; programs get all of them.
const FINDINGS_SHOWN_MAX: usize = 20;
/// Hours in a month where a plan carries no policy that says: a twelfth of 365 days, as the policy's own default.
const MONTH_HOURS: f64 = 730.0;

/// Prints a plan: what it changes, saves and proves.
pub fn plan(out: &mut Output, plan: &Plan) -> anyhow::Result<()> {
    out.print(plan, &(summary(plan) + "\n"), &changes(plan))?;
    remark_findings(out, &plan.findings);
    Ok(())
}

/// The lines of a plan that a person reads first.
pub fn summary(plan: &Plan) -> String {
    let mut lines = vec![
        format!(
            "cluster  {}: {} nodes, {} pods; {} today",
            plan.name,
            plan.node_count_before,
            thousands(plan.pod_count.into()),
            usd_per_hour(plan.cost_before_nano_usd_per_hour)
        ),
        plan_line(plan),
        proof_line(plan),
    ];
    lines.extend(plan.referee.as_ref().map(referee_line));
    lines.join("\n") + "\n"
}

/// `plan     $Y/h (-Z %, -$M/month)   objective $O/h   floor $F/h   gap G %   stop GAP   0.8 s   12 changes, ...`
pub fn plan_line(plan: &Plan) -> String {
    let before = plan.cost_before_nano_usd_per_hour;
    let difference = plan.cost_after_nano_usd_per_hour - before;
    let saving = if before == 0 {
        String::new()
    } else {
        let month_hours = plan.policy.as_ref().and_then(|policy| policy.month_hours).unwrap_or(MONTH_HOURS);
        format!(
            " ({:+.1} %, {})",
            100.0 * difference as f64 / before as f64,
            usd_per_month(difference, month_hours)
        )
    };
    let seconds =
        plan.solve_duration.as_ref().map_or(0.0, |time| time.seconds as f64 + f64::from(time.nanos) / 1e9);
    let moved: i32 = plan.referee.as_ref().map_or_else(
        || {
            plan.changes
                .iter()
                .filter(|change| matches!(change.kind(), Kind::Shrink | Kind::Delete))
                .map(|change| change.moved_pod_count)
                .sum()
        },
        |referee| referee.steered_moves.iter().filter(|one| !one.from_node.is_empty()).count() as i32,
    );
    format!(
        "plan     {}{saving}   objective {}   floor {}   gap {:.2} %   stop {}   {seconds:.1} s   {} nodes, {} changes, {moved} pods move",
        usd_per_hour(plan.cost_after_nano_usd_per_hour),
        usd_per_hour(plan.objective_nano_usd_per_hour),
        usd_per_hour(plan.objective_floor_nano_usd_per_hour),
        100.0 * plan.gap_ratio,
        stop(plan),
        plan.node_count_after,
        plan.changes.len(),
    )
}

fn stop(plan: &Plan) -> &'static str {
    match plan.stop() {
        Stop::Unspecified => "?",
        Stop::Optimal => "OPTIMAL",
        Stop::Gap => "GAP",
        Stop::Work => "WORK",
        Stop::Time => "TIME",
    }
}

/// `proof    verified by plimsoll-verify: plan feasible, floor holds`
pub fn proof_line(plan: &Plan) -> String {
    if plan.verified {
        "proof    verified by plimsoll-verify: plan feasible, floor holds".to_owned()
    } else {
        "proof    NOT VERIFIED".to_owned()
    }
}

/// `referee  steered 0 pending   churn 0 stranded   cold start 3 of 417 pending (reserve would cost $R/h)`
pub fn referee_line(referee: &RefereeReport) -> String {
    let worst = referee.cold_pending_counts.last().copied().unwrap_or(0);
    let repair = match referee.repair_cost_nano_usd_per_hour {
        0 => String::new(),
        cost => format!("   repairs {}", usd_per_hour(cost)),
    };
    let reserve = match usd_per_hour(referee.cold_reserve_nano_usd_per_hour) {
        cost if referee.cold_reserve_complete => format!("reserve would cost {cost}"),
        cost => format!("no reserve found that ends it; {cost} would lessen it"),
    };
    format!(
        "referee  steered {} pending   churn {} stranded   cold start {worst} of {} pending at worst in {} orders ({reserve}){repair}",
        referee.steered_pending.len(),
        referee.churn_stranded.len(),
        thousands(referee.cold_pod_count.into()),
        referee.cold_order_count,
    )
}

fn changes(plan: &Plan) -> Table {
    let row = |change: &Change| {
        let group = plan.groups.iter().find(|group| group.name == change.group);
        let types = group.map(|group| group.instance_types.join(",")).unwrap_or_default();
        let kind = change.kind().as_str_name().trim_start_matches("KIND_").to_lowercase();
        let why = change.why.iter().map(|why| why.code.as_str()).collect::<Vec<_>>().join(" ");
        vec![
            kind,
            change.group.clone(),
            types,
            format!("{} -> {}", change.from_count, change.to_count),
            usd_per_hour(-change.saving_nano_usd_per_hour),
            change.moved_pod_count.to_string(),
            why,
        ]
    };
    Table {
        head: vec!["CHANGE", "GROUP", "TYPES", "#NODES", "$BILL", "#PODS", "WHY"],
        rows: plan.changes.iter().map(row).collect(),
    }
}

/// Prints a list of plans.
pub fn plans(out: &mut Output, plans: &[Plan]) -> anyhow::Result<()> {
    let row = |plan: &Plan| {
        vec![
            plan.name.clone(),
            plan.state().as_str_name().trim_start_matches("STATE_").to_owned(),
            usd_per_hour(plan.cost_before_nano_usd_per_hour),
            usd_per_hour(plan.cost_after_nano_usd_per_hour),
            format!("{:.2} %", 100.0 * plan.gap_ratio),
            stop(plan).to_owned(),
        ]
    };
    let head = vec!["NAME", "STATE", "$BEFORE", "$AFTER", "#GAP", "STOP"];
    out.print_all(plans, &Table { head, rows: plans.iter().map(row).collect() })
}

/// Prints why a plan is as it is.
pub fn explanation(out: &mut Output, explanation: &Explanation) -> anyhow::Result<()> {
    let why = |why: &plimsoll_proto::v1::Why| {
        vec![why.code.clone(), usd_per_hour(why.price_nano_usd_per_hour), why.message.clone()]
    };
    let table =
        Table { head: vec!["BINDING", "$COSTS", "WHAT"], rows: explanation.why.iter().map(why).collect() };
    let not = |one: &plimsoll_proto::v1::WhyNot| {
        vec![
            one.offering.clone(),
            usd_per_hour(one.price_nano_usd_per_hour),
            usd_per_hour(one.worth_nano_usd_per_hour),
            one.message.clone(),
        ]
    };
    let others = Table {
        head: vec!["NOT BOUGHT", "$PRICE", "$WORTH", "WHY NOT"],
        rows: explanation.why_not.iter().map(not).collect(),
    };
    let text = format!("{}\n{}\n\n", explanation.plan, draw(&others));
    out.print(explanation, &text, &table)
}

/// Findings on stderr, the gravest first, those of one code together.
pub fn remark_findings(out: &Output, findings: &[Finding]) {
    for finding in findings.iter().take(FINDINGS_SHOWN_MAX) {
        let grade = match finding.severity() {
            Severity::Warning => "warning",
            Severity::Advice => "advice",
            _ => "note",
        };
        let about = if finding.subject.is_empty() { String::new() } else { format!(" {}:", finding.subject) };
        out.remark(&format!("{grade:<8} {}{about} {}", finding.code, finding.message));
    }
    if FINDINGS_SHOWN_MAX < findings.len() {
        out.remark(&format!(
            "... and {} more findings; --output json shows all",
            findings.len() - FINDINGS_SHOWN_MAX
        ));
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_proto::v1::Policy;

    use super::*;

    #[track_caller]
    fn check(policy: Option<Policy>, want: &str) {
        let plan = Plan {
            cost_before_nano_usd_per_hour: 20_000_000_000,
            cost_after_nano_usd_per_hour: 15_000_000_000,
            policy,
            ..Plan::default()
        };
        let line = plan_line(&plan);
        assert!(line.starts_with(want), "{line}");
    }

    #[test]
    fn a_month_has_the_hours_that_the_policy_says() {
        check(None, "plan     $15.0000/h (-25.0 %, -$3,650/month)   ");
        let short = Policy { month_hours: Some(672.0), ..Policy::default() };
        check(Some(short), "plan     $15.0000/h (-25.0 %, -$3,360/month)   ");
    }
}

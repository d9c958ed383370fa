//! `plan simulate`: a plan tried out against today's fleet.

use std::process::ExitCode;

use plimsoll_proto::v1::operation_metadata::State;
use plimsoll_proto::v1::simulate_plan_request::Fault;
use plimsoll_proto::v1::simulate_plan_request::fault::Kind;
use plimsoll_proto::v1::simulation::Outcome;
use plimsoll_proto::v1::{SimulatePlanRequest, Simulation};

use crate::client::Client;
use crate::output::{Output, Table, usd};
use crate::progress::Line;
use crate::view;

/// Which plan to try out, and for how long.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plan's resource name, as printed by `plan create`
    #[arg(value_name = "PLAN")]
    name: String,
    /// Virtual hours, 1 to 744
    #[arg(long, default_value_t = 168, value_parser = clap::value_parser!(i32).range(1..=744))]
    hours: i32,
    /// Seed of whatever is random; the same seed gives the same answer
    #[arg(long, default_value_t = 1)]
    seed: i64,
    /// Something that goes wrong, such as reclaim:m5.large@us-east-1a@12h, no-capacity:m5.large@us-east-1a@12h+6h,
    /// stuck-budget:shop/cart@0h+2h or node-loss:ip-10-0-1-2.ec2.internal@3h: what, when after the start, and for how
    /// long (default: to the end); may be given often
    #[arg(long = "fault", value_name = "FAULT", value_parser = fault)]
    faults: Vec<Fault>,
}

/// How it is called.
pub const EXAMPLES: &str = "\
Examples:
  plimsoll --server http://127.0.0.1:7400 plan simulate clusters/prod/plans/p1
  plimsoll --server http://127.0.0.1:7400 plan simulate clusters/prod/plans/p1 --hours 48 --seed 7 --fault reclaim:m5.large@us-east-1a@12h
  plimsoll --server http://127.0.0.1:7400 plan simulate clusters/prod/plans/p1 --output json | jq .after";

/// Has a plan tried out, and prints both worlds and their difference.
pub async fn run(client: &Client, out: &mut Output, args: Args) -> anyhow::Result<ExitCode> {
    let line = Line::new(out);
    line.say(&format!("simulating {} hours, twice", args.hours));
    let Args { name, hours, seed, faults } = args;
    let answer = client.plans().simulate_plan(SimulatePlanRequest { name, hours, seed, faults }).await;
    line.done();
    let simulation = answer?.into_inner();
    out.print(&simulation, &head(&simulation), &table(&simulation))?;
    view::remark_findings(out, &simulation.findings);
    Ok(ExitCode::SUCCESS)
}

fn head(simulation: &Simulation) -> String {
    let state = simulation.operation_state().as_str_name().trim_start_matches("STATE_");
    let took = match simulation.operation_state() {
        State::Succeeded => format!(" after {} min", (simulation.operation_seconds + 59) / 60),
        _ => String::new(),
    };
    format!(
        "plan     {}: {state}{took}; {} hours, seed {}\n\n",
        simulation.plan, simulation.hours, simulation.seed
    )
}

fn table(simulation: &Simulation) -> Table {
    let (before, after) = (simulation.before.unwrap_or_default(), simulation.after.unwrap_or_default());
    let count = |what: &str, read: fn(&Outcome) -> i32| {
        let (before, after) = (read(&before), read(&after));
        vec![what.to_owned(), before.to_string(), after.to_string(), format!("{:+}", after - before)]
    };
    let money = [before.cost_nano_usd, after.cost_nano_usd, after.cost_nano_usd - before.cost_nano_usd];
    let waited = [
        before.pending_pod_hours,
        after.pending_pod_hours,
        after.pending_pod_hours - before.pending_pod_hours,
    ];
    let row = |what: &str, cells: [String; 3]| [vec![what.to_owned()], cells.into()].concat();
    let rows = vec![
        row("cost", money.map(usd)),
        count("nodes at the end", |one| one.node_count),
        count("most nodes", |one| one.node_count_max),
        count("machines taken back", |one| one.interruption_count),
        row("hours that pods waited", waited.map(|hours| format!("{hours:.2}"))),
        count("pods that wait at the end", |one| one.pending_count),
        count("most pods that waited", |one| one.pending_count_max),
        count("evictions that a budget refused", |one| one.budget_wait_count),
        count("pods made again", |one| one.restart_count),
    ];
    Table { head: vec!["", "#TODAY", "#PLAN", "#DIFFERENCE"], rows }
}

/// Reads a fault such as `reclaim:m5.large@us-east-1a@12h+6h`.
fn fault(text: &str) -> Result<Fault, String> {
    let form = "try reclaim:TYPE@ZONE@12h, no-capacity:TYPE@ZONE@12h+6h, stuck-budget:NAMESPACE/NAME@0h+2h or node-loss:NODE@3h";
    let bad = |what: &str| format!("{text:?} {what}; {form}");
    let (kind, rest) = text.split_once(':').ok_or_else(|| bad("has no kind"))?;
    let (subject, when) = rest.rsplit_once('@').ok_or_else(|| bad("does not say when"))?;
    let (start, lasts) = when.split_once('+').unwrap_or((when, "0h"));
    let hours = |text: &str| {
        let number: Option<f64> = text.strip_suffix('h').and_then(|number| number.parse().ok());
        number
            .filter(|number| number.is_finite() && 0.0 <= *number)
            .ok_or_else(|| bad("has a time that is no hours"))
    };
    let (start_hour, duration_hours) = (hours(start)?, hours(lasts)?);
    let timed = |kind: Kind| Fault { kind: kind.into(), start_hour, duration_hours, ..Fault::default() };
    let pooled = |kind: Kind| {
        let (instance_type, zone) =
            subject.split_once('@').ok_or_else(|| bad("does not name type and zone"))?;
        Ok(Fault { instance_type: instance_type.to_owned(), zone: zone.to_owned(), ..timed(kind) })
    };
    match kind {
        "reclaim" => pooled(Kind::SpotReclaim),
        "no-capacity" => pooled(Kind::NoCapacity),
        "stuck-budget" => Ok(Fault { subject: subject.to_owned(), ..timed(Kind::StuckBudget) }),
        "node-loss" => Ok(Fault { subject: subject.to_owned(), ..timed(Kind::NodeLoss) }),
        _ => Err(bad("is of an unknown kind")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, kind: Kind, (instance_type, zone, subject): (&str, &str, &str), hours: (f64, f64)) {
        let want = Fault {
            kind: kind.into(),
            start_hour: hours.0,
            duration_hours: hours.1,
            instance_type: instance_type.to_owned(),
            zone: zone.to_owned(),
            subject: subject.to_owned(),
        };
        assert_eq!(fault(text), Ok(want), "{text}");
    }

    #[test]
    fn faults_are_read_as_they_are_shown_in_the_help() {
        let pool = ("m5.large", "us-east-1a", "");
        check("reclaim:m5.large@us-east-1a@12h", Kind::SpotReclaim, pool, (12.0, 0.0));
        check("no-capacity:m5.large@us-east-1a@0.5h+6h", Kind::NoCapacity, pool, (0.5, 6.0));
        check("stuck-budget:shop/cart@0h+2h", Kind::StuckBudget, ("", "", "shop/cart"), (0.0, 2.0));
        check("node-loss:ip-10-0-1-2@3h", Kind::NodeLoss, ("", "", "ip-10-0-1-2"), (3.0, 0.0));
    }

    #[test]
    fn what_is_no_fault_is_told_what_would_be() {
        for bad in [
            "",
            "reclaim",
            "reclaim:m5.large@12h",
            "flood:a@1h",
            "node-loss:n",
            "node-loss:n@3",
            "node-loss:n@-1h",
            "node-loss:n@NaNh",
        ] {
            assert!(fault(bad).is_err_and(|message| message.contains("try reclaim:")), "{bad}");
        }
    }
}

//! `plan verify`: proves or rejects a bundle. Needs no server.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use serde::Serialize;

use crate::output::{Output, Table, usd_per_hour};

/// Prove or reject a bundle of problem, plan and certificate, without trusting who made it
///
/// Exact integer arithmetic. Exits 0 if the plan is feasible, costs what it says, and its floor holds; 1 with the
/// reason otherwise.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  plimsoll plan create --from mine.json --bundle bundle.json\n  plimsoll plan verify bundle.json"
)]
pub struct Args {
    /// The bundle, as `plan create --bundle` and `plan export` write it; may be gzipped
    bundle: PathBuf,
}

#[derive(Serialize)]
struct Verdict {
    verified: bool,
    problem_digest: String,
    cost_nano_usd_per_hour: String,
    objective_nano_usd_per_hour: String,
    floor_proven_nano_usd_per_hour: String,
    floor_stated_nano_usd_per_hour: String,
}

/// Reads, proves, tells.
pub fn verify(out: &mut Output, args: &Args) -> anyhow::Result<ExitCode> {
    let path = args.bundle.display();
    let file = File::open(&args.bundle).with_context(|| format!("{path} cannot be read"))?;
    let bundle = plimsoll_verify::read(unzipped(file)?).with_context(|| format!("{path} is no bundle"))?;
    let proof = plimsoll_verify::verify(&bundle).with_context(|| format!("{path} is rejected"))?;
    let verdict = Verdict {
        verified: true,
        problem_digest: bundle.plan.problem_digest.clone(),
        cost_nano_usd_per_hour: bundle.plan.cost_after_nano_usd_per_hour.to_string(),
        objective_nano_usd_per_hour: bundle.plan.objective_nano_usd_per_hour.to_string(),
        floor_proven_nano_usd_per_hour: proof.floor_proven.to_string(),
        floor_stated_nano_usd_per_hour: proof.floor_stated.to_string(),
    };
    let text = format!(
        "verified: the plan is feasible, costs {} and no fleet has an objective below {}\n",
        usd_per_hour(bundle.plan.cost_after_nano_usd_per_hour),
        usd_per_hour(bundle.plan.objective_floor_nano_usd_per_hour),
    );
    out.print(&verdict, &text, &Table::default())?;
    Ok(ExitCode::SUCCESS)
}

/// Gzip is told by its first two bytes.
fn unzipped(file: File) -> anyhow::Result<Box<dyn Read>> {
    let mut head = Vec::new();
    let mut file = file;
    Read::by_ref(&mut file).take(2).read_to_end(&mut head)?;
    let is_gzip = head == [0x1f, 0x8b];
    let whole = BufReader::new(std::io::Cursor::new(head).chain(file));
    Ok(if is_gzip { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

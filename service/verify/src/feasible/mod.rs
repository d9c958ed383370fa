//! Whether a plan keeps every rule of its problem.

mod content;
mod fleet;
mod groups;
mod rules;
mod spread;
mod zones;

pub use fleet::{Fleet, Node};

use crate::plan::Plan;
use crate::rejection::Rejection;
use crate::wellformed::Sound;

/// Checks a plan from the smallest thing, a node's content, to the whole fleet.
///
/// # Errors
/// The first rule that is broken.
pub fn check<'a>(problem: &Sound<'a>, plan: &'a Plan) -> Result<Fleet<'a>, Rejection> {
    let fleet = fleet::resolve(problem, plan)?;
    groups::check(problem, &fleet)?;
    for node in &fleet.nodes {
        content::check(problem, &fleet, node)?;
    }
    content::check_all_placed(problem, &fleet)?;
    zones::check(problem, &fleet)?;
    spread::check(problem, &fleet)?;
    rules::check(problem, &fleet)?;
    Ok(fleet)
}

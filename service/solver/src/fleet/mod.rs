//! Plans for real clusters: nodes that run now, groups, and rules that look beyond one node.
//!
//! A fleet is kept as nodes, contents and the counts that rules look at ([`state`]). It starts as the
//! fleet of today with every waiting pod placed, so that the answer is never worse ([`start`]); then parts
//! of it are torn down and rebuilt for as long as that pays ([`search`], [`ruin`], [`recreate`]). What
//! comes out is judged by [`plimsoll_domain::check`], which shares no code with it: a fleet that the judge
//! rejects is dropped.

mod admit;
mod bits;
mod buy;
mod finish;
mod place;
mod recreate;
mod ruin;
mod search;
mod spread;
mod start;
mod state;
mod terms;
mod tidy;
mod totals;
mod units;

use plimsoll_domain::check::check;
use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::{Bin, Group, Solution, Stop};

use crate::budget::{Budget, Progress, Stage};
use crate::error::SolveError;
use search::{End, Record, Score};
use state::State;
use terms::Terms;

/// Finds a cheap fleet that keeps every rule. The problem has passed [`Problem::validate`].
///
/// Never dearer than the fleet of today with its waiting pods placed, if that keeps the rules.
/// Deterministic for a seed, unless the time ran out.
///
/// # Errors
/// [`SolveError::Infeasible`] names the demands that found no place, or every demand if all have a place
/// but a rule over the fleet is broken.
pub fn solve(
    problem: &Problem,
    budget: &Budget<'_>,
    report: &mut dyn FnMut(Progress),
) -> Result<Solution, SolveError> {
    let terms = Terms::new(problem);
    let mut state = first(&terms);
    let mut best = Best { terms: &terms, fleet: None };
    best.offer(&search::score(&state), &search::record(&state));
    let end = search::improve(&mut state, budget, &mut |score, record| {
        best.offer(score, &record);
        report(progress(score));
        false
    });
    let Some((bins, groups)) = best.fleet else {
        return Err(if budget.is_cancelled() { SolveError::Cancelled } else { finish::infeasible(&state) });
    };
    let stop = match end {
        End::Stalled => Stop::Work,
        End::Spent => Stop::Time,
        End::GoodEnough => Stop::Gap,
    };
    Ok(Solution { bins, groups, stop, ..Solution::default() })
}

/// The better of today's fleet and, where any pod may move, one from nothing.
fn first<'a>(terms: &'a Terms<'a>) -> State<'a> {
    let today = start::today(terms);
    if terms.problem.rules.moved_pods_max.is_some() || terms.problem.nodes.is_empty() {
        return today;
    }
    let other = start::from_nothing(terms);
    if search::score(&other) < search::score(&today) { other } else { today }
}

fn progress(score: &Score) -> Progress {
    let incumbent = i64::try_from(score.cost).ok().filter(|_| score.excess == 0);
    Progress { stage: Stage::Improve, incumbent_nano_usd: incumbent, floor_nano_usd: 0 }
}

/// The best fleet that the judge let pass.
struct Best<'a> {
    terms: &'a Terms<'a>,
    fleet: Option<(Vec<Bin>, Vec<Group>)>,
}

impl Best<'_> {
    fn offer(&mut self, score: &Score, record: &Record) {
        if score.excess == 0 {
            let (bins, groups) = finish::write(self.terms, record);
            if check(self.terms.problem, &bins, &groups).is_empty() {
                self.fleet = Some((bins, groups));
            }
        }
    }
}

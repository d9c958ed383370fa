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
mod mend;
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
use search::{Record, Score, Search};
use state::State;
use terms::Terms;

/// Attempts in the first cycle; each next one has twice as many, so that about half of any budget goes into
/// one slow cooling.
const CYCLE_MIN: u64 = 4_000;
/// Most attempts in a cycle.
const CYCLE_MAX: u64 = 4_000_000;
/// Cycles in a row without a better fleet after which the search ends.
const IDLE_CYCLES_MAX: u32 = 3;

/// Fleets from nothing that are compared before the search.
const DRAFTS_MAX: u32 = 6;
/// Attempts at making a fleet from nothing keep the rules.
const MEND_MAX: u64 = 2_000;

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
    let terms = Terms::new(problem, budget.cancelled);
    let mut best = Best { terms: &terms, score: None, fleet: None };
    let mut state = first(&terms, &mut best, budget);
    let is_stalled = improve(&mut state, &mut best, budget, report);
    match best.fleet {
        Some((bins, groups)) => {
            let stop = if is_stalled { Stop::Work } else { Stop::Time };
            Ok(Solution { bins, groups, stop, ..Solution::default() })
        }
        None if budget.is_cancelled() => Err(SolveError::Cancelled),
        None => Err(finish::infeasible(&state)),
    }
}

/// Searches in ever longer cycles, until some in a row find nothing or the budget is spent. Whether
/// they found nothing.
fn improve(
    state: &mut State<'_>,
    best: &mut Best<'_>,
    budget: &Budget<'_>,
    report: &mut dyn FnMut(Progress),
) -> bool {
    let mut told = search::score(state);
    report(progress(&told));
    let mut search = Search::new(state, budget.seed);
    let mut attempts = CYCLE_MIN;
    let mut idle = 0;
    while idle < IDLE_CYCLES_MAX {
        let before = *search.best().0;
        search.cycle(attempts, &mut |score| {
            if *score < told {
                told = *score;
                report(progress(score));
            }
            !budget.is_spent()
        });
        let (score, record) = search.best();
        if *score < before {
            best.offer(score, record);
        }
        let is_better = score.excess < before.excess || score.cost < before.cost;
        idle = if is_better { 0 } else { idle + 1 };
        attempts = attempts.saturating_mul(2).min(CYCLE_MAX);
        if budget.is_spent() {
            return false;
        }
    }
    true
}

/// The better of today's fleet and, where any pod may move, the best of some from nothing.
fn first<'a>(terms: &'a Terms<'a>, best: &mut Best<'_>, budget: &Budget<'_>) -> State<'a> {
    let mut first = start::today(terms);
    best.offer(&search::score(&first), &search::record(&first));
    if terms.problem.rules.moved_pods_max.is_some() || terms.problem.nodes.is_empty() {
        return first;
    }
    for draft in 0..DRAFTS_MAX {
        if budget.is_spent() {
            break;
        }
        let mut other = start::from_nothing(terms, budget.seed, draft);
        let mut goes_on = |score: &Score| score.excess != 0 && !budget.is_spent();
        Search::new(&mut other, budget.seed).cycle(MEND_MAX, &mut goes_on);
        if search::score(&other) < search::score(&first) {
            first = other;
        }
    }
    best.offer(&search::score(&first), &search::record(&first));
    first
}

fn progress(score: &Score) -> Progress {
    let incumbent = i64::try_from(score.cost).ok().filter(|_| score.excess == 0);
    Progress { stage: Stage::Improve, incumbent_nano_usd: incumbent, floor_nano_usd: None }
}

/// The best fleet that the judge let pass.
struct Best<'a> {
    terms: &'a Terms<'a>,
    score: Option<Score>,
    fleet: Option<(Vec<Bin>, Vec<Group>)>,
}

impl Best<'_> {
    /// Takes a fleet that is better than the last, unless the judge rejects it.
    fn offer(&mut self, score: &Score, record: &Record) {
        if score.excess != 0 || self.score.is_some_and(|best| best <= *score) {
            return;
        }
        let (bins, groups) = finish::write(self.terms, record);
        if check(self.terms.problem, &bins, &groups).is_empty() {
            self.score = Some(*score);
            self.fleet = Some((bins, groups));
        }
    }
}

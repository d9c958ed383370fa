//! Values that the messages do not allow are found here, once; what comes after relies on it.

use std::collections::BTreeMap;
use std::ops::Deref;

use crate::json::SHORT_LIST_MAX;
use crate::problem::{CapacityKind, Demand, ExistingNode, Offering, Problem, Rules, Spread, Topology};
use crate::rejection::{Member, Rejection};

/// Version of the rules of `Problem` and `Certificate` that this room knows.
pub const VERSION: i32 = 1;

/// A problem whose every index, count and amount is in range.
pub struct Sound<'a> {
    problem: &'a Problem,
    /// Its rules, or those that limit nothing.
    pub rules: Rules,
    /// Whether an offering belongs to existing nodes.
    pub owned: Vec<bool>,
    /// Index of each existing node by its name.
    pub nodes_by_name: BTreeMap<&'a str, usize>,
}

impl Deref for Sound<'_> {
    type Target = Problem;

    fn deref(&self) -> &Problem {
        self.problem
    }
}

/// An index of a well-formed message as Rust has it.
pub fn at(index: i32) -> usize {
    usize::try_from(index).expect("indexes of a well-formed message are not negative")
}

/// Checks everything in a problem that can be said of it alone.
///
/// # Errors
/// [`Rejection::Malformed`] with the path of the first value that is wrong.
pub fn check(problem: &Problem) -> Result<Sound<'_>, Rejection> {
    require(problem.version == VERSION, "1", || "version".into())?;
    let resources = (1..=SHORT_LIST_MAX).contains(&problem.resources.len());
    require(resources, "1 to 64 names", || "resources".into())?;
    let owned = owned(problem)?;
    let ids = problem.offerings.iter().map(|offering| offering.id.as_str());
    by_name(ids, "offerings", "id")?;
    let ids = problem.demands.iter().map(|demand| demand.id.as_str());
    by_name(ids, "demands", "id")?;
    let names = problem.nodes.iter().map(|node| node.name.as_str());
    let nodes_by_name = by_name(names, "nodes", "name")?;
    for (index, offering) in problem.offerings.iter().enumerate() {
        check_offering(problem, offering).map_err(|fault| fault.at("offerings", index))?;
    }
    for (index, demand) in problem.demands.iter().enumerate() {
        check_demand(problem, demand, index).map_err(|fault| fault.at("demands", index))?;
    }
    for (index, node) in problem.nodes.iter().enumerate() {
        check_node(problem, node).map_err(|fault| fault.at("nodes", index))?;
    }
    let rules = problem.rules.clone().unwrap_or_default();
    check_rules(&rules)?;
    Ok(Sound { problem, rules, owned, nodes_by_name })
}

/// Whether indexes are ascending, without duplicates, and below `length`.
pub fn ascending(mut indexes: impl Iterator<Item = i32>, length: usize) -> bool {
    let mut least = 0;
    indexes.all(|index| {
        let good = usize::try_from(index).is_ok_and(|index| least <= index && index < length);
        least = usize::try_from(index).unwrap_or(0) + 1;
        good
    })
}

struct Fault {
    field: &'static str,
    expected: &'static str,
}

impl Fault {
    fn at(self, list: &str, index: usize) -> Rejection {
        malformed(format!("{list}[{index}].{}", self.field), self.expected)
    }
}

fn malformed(path: String, expected: &'static str) -> Rejection {
    Rejection::Malformed { member: Member::Problem, path, expected }
}

fn require(good: bool, expected: &'static str, path: impl FnOnce() -> String) -> Result<(), Rejection> {
    if good { Ok(()) } else { Err(malformed(path(), expected)) }
}

fn expect(good: bool, field: &'static str, expected: &'static str) -> Result<(), Fault> {
    if good { Ok(()) } else { Err(Fault { field, expected }) }
}

fn owned(problem: &Problem) -> Result<Vec<bool>, Rejection> {
    let mut owned = vec![false; problem.offerings.len()];
    for (index, node) in problem.nodes.iter().enumerate() {
        let own = usize::try_from(node.offering).ok().and_then(|offering| owned.get_mut(offering));
        *own.ok_or_else(|| malformed(format!("nodes[{index}].offering"), "the index of an offering"))? = true;
    }
    Ok(owned)
}

fn by_name<'a>(
    names: impl Iterator<Item = &'a str>,
    list: &str,
    field: &str,
) -> Result<BTreeMap<&'a str, usize>, Rejection> {
    let mut found = BTreeMap::new();
    for (index, name) in names.enumerate() {
        let fresh = !name.is_empty() && found.insert(name, index).is_none();
        require(fresh, "unique and not empty", || format!("{list}[{index}].{field}"))?;
    }
    Ok(found)
}

fn check_offering(problem: &Problem, offering: &Offering) -> Result<(), Fault> {
    let capacity = &offering.capacity;
    expect(capacity.len() == problem.resources.len(), "capacity", "as long as `resources`")?;
    expect(capacity.iter().all(|amount| 0 <= *amount), "capacity", "0 or more each")?;
    expect(offering.kind != CapacityKind::Unspecified, "kind", "on-demand or spot")?;
    expect(0 <= offering.price_nano_usd_per_hour, "price_nano_usd_per_hour", "0 or more")?;
    expect(0 <= offering.risk_nano_usd_per_hour, "risk_nano_usd_per_hour", "0 or more")?;
    expect(offering.quantity_max.is_none_or(|max| 0 <= max), "quantity_max", "0 or more")
}

fn check_demand(problem: &Problem, demand: &Demand, own: usize) -> Result<(), Fault> {
    let request = &demand.request;
    expect(1 <= demand.count, "count", "1 or more")?;
    expect(request.len() == problem.resources.len(), "request", "as long as `resources`")?;
    expect(request.iter().all(|amount| 0 <= *amount), "request", "0 or more each")?;
    expect(demand.max_per_node.is_none_or(|max| 0 <= max), "max_per_node", "0 or more")?;
    expect(demand.max_per_zone.is_none_or(|max| 0 <= max), "max_per_zone", "0 or more")?;
    expect(0 <= demand.move_cost_nano_usd_per_hour, "move_cost_nano_usd_per_hour", "0 or more")?;
    let pods = demand.pods.len();
    expect(pods == 0 || pods == at(demand.count), "pods", "`count` names or none")?;
    let bound = demand.together.starts_with("zone/") || demand.together.starts_with("node/");
    expect(bound || demand.together.is_empty(), "together", "`zone/...`, `node/...` or empty")?;
    let eligible = demand.offerings.iter().copied();
    expect(ascending(eligible, problem.offerings.len()), "offerings", "ascending indexes of offerings")?;
    let mutual = |list: fn(&Demand) -> &[i32]| mutual(problem, own, list);
    expect(mutual(|demand| &demand.conflicts), "conflicts", "ascending indexes of others that say the same")?;
    let expected = "ascending indexes of others that say the same";
    expect(mutual(|demand| &demand.zone_conflicts), "zone_conflicts", expected)?;
    demand.spreads.iter().try_for_each(|spread| check_spread(problem, spread))
}

/// Whether every demand that `own` lists is another one and lists `own`, too.
fn mutual(problem: &Problem, own: usize, list: fn(&Demand) -> &[i32]) -> bool {
    let listed = list(&problem.demands[own]);
    let lists_own = |other: i32| {
        let back = list(&problem.demands[at(other)]);
        at(other) != own && i32::try_from(own).is_ok_and(|own| back.binary_search(&own).is_ok())
    };
    ascending(listed.iter().copied(), problem.demands.len()) && listed.iter().all(|other| lists_own(*other))
}

fn check_spread(problem: &Problem, spread: &Spread) -> Result<(), Fault> {
    expect(spread.topology != Topology::Unspecified, "spreads.topology", "zone or node")?;
    expect(1 <= spread.max_skew, "spreads.max_skew", "1 or more")?;
    expect(1 <= spread.min_domains, "spreads.min_domains", "1 or more")?;
    let counted = spread.counted_demands.iter().copied();
    let expected = "ascending indexes of demands";
    expect(ascending(counted, problem.demands.len()), "spreads.counted_demands", expected)?;
    let domains = spread.domain_offerings.iter().copied();
    let expected = "ascending indexes of offerings";
    expect(ascending(domains, problem.offerings.len()), "spreads.domain_offerings", expected)
}

fn check_node(problem: &Problem, node: &ExistingNode) -> Result<(), Fault> {
    let expected = "0 or more";
    expect(0 <= node.drain_cost_nano_usd_per_hour, "drain_cost_nano_usd_per_hour", expected)?;
    let demands = node.residents.iter().map(|resident| resident.demand);
    expect(ascending(demands, problem.demands.len()), "residents", "by ascending index of demands")?;
    expect(node.residents.iter().all(|resident| 1 <= resident.count), "residents", "1 or more each")
}

fn check_rules(rules: &Rules) -> Result<(), Rejection> {
    let share = |least: i32, permille: Option<i32>| permille.is_none_or(|it| least <= it && it <= 1000);
    let rule = |good: bool, name: &str, expected| require(good, expected, || format!("rules.{name}"));
    rule(share(0, rules.spot_share_max_permille), "spot_share_max_permille", "0 to 1000")?;
    rule(share(1, rules.zone_share_max_permille), "zone_share_max_permille", "1 to 1000")?;
    rule(0 <= rules.on_demand_base_count, "on_demand_base_count", "0 or more")?;
    rule(0 <= rules.nodes_max, "nodes_max", "0 or more")?;
    rule(0 <= rules.groups_max, "groups_max", "0 or more")?;
    rule(0 <= rules.nodes_per_group_max, "nodes_per_group_max", "0 or more")?;
    rule(0 <= rules.types_per_spot_group_min, "types_per_spot_group_min", "0 or more")?;
    rule(rules.moved_pods_max.is_none_or(|max| 0 <= max), "moved_pods_max", "0 or more")
}

//! The way from a cluster to a problem, one stage after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::bearing::bearings;
use super::bits::Bits;
use super::capacity::{Axes, Residue, free};
use super::classes::{Anchor, Class, Family, prefer_gpu_templates};
use super::context::{Context, DemandFacts, OfferingFacts};
use super::demands::{Demands, Parts};
use super::offerings::Offerings;
use super::pods::{Kin, Pods, kin};
use super::reach::{Bearing, Ground, Obstacle, Reach, Stage, passes};
use super::refusal::{Case, Refusal};
use super::sites::{Offer, Sites, node_keys, term_keys};
use super::spot::Risk;
use super::templates::Learnt;
use super::terms::Terms;
use super::ties::{Ties, ties};
use super::types::{Asks, on_offer};
use super::{BuildError, Built, notes, rules, tags};
use crate::catalog::Catalog;
use crate::finding::Finding;
use crate::policy::Policy;
use crate::problem::{ExistingNode, Placed, Problem, Topology};
use crate::resources::NVIDIA_GPU;
use crate::snapshot::ClusterState;
use crate::units::HourlyRate;

/// Makes the problem of a cluster. Pure; the same input gives the same problem, byte for byte.
///
/// # Errors
/// [`BuildError::Infeasible`] names the pending pods that nothing could carry. A running pod never makes
/// a problem infeasible: if it cannot go elsewhere it stays where it runs.
pub fn build(state: &ClusterState, catalog: &Catalog, policy: &Policy) -> Result<Built, BuildError> {
    let terms = Terms::new(policy)?;
    let mut findings = Vec::new();
    let pods = Pods::sort(state, &mut findings);
    if pods.placed.is_empty() {
        return Err(BuildError::NoPods);
    }
    let zones = zones(state, policy)?;
    let kins = kin(&pods);
    let bearings = bearings(&kins, &pods, catalog, policy);
    let ties = ties(&kins, &pods);
    let asks = Asks::of_all(&kins);
    let learnt = Learnt::from(&state.nodes, asks.resources.contains(NVIDIA_GPU));
    let offer = Offer {
        types: on_offer(catalog, policy, &asks, &architectures(&bearings, policy)),
        zones: &zones,
        spot: bearings.iter().any(|bearing| bearing.spot),
        policy,
        terms: &terms,
    };
    let mut sites = Sites::gather(&state.nodes, catalog, &learnt, &offer, &looked_at(&kins, state));
    let residue = Residue::of(&pods, &ties, &mut sites);
    let axes = Axes::of(&kins);
    let room = |(site, reserve)| free(site, reserve, &state.nodes, &axes, &terms);
    let mut free: Vec<Vec<i64>> = sites.all.iter().zip(&residue.reserve).map(room).collect();

    let families = Families { kins: &kins, bearings: &bearings, ties: &ties, pods: &pods, axes: &axes };
    let ground = &mut Ground { sites: &mut sites, residue: &residue, free: &free, policy };
    let Settled { classes, domains, binding } = families.settle(ground, &mut findings)?;
    notes::overcommitted(&classes, &kins, &pods, &axes, &mut free, &mut findings);

    let rows: Vec<Bits> = domains.values().cloned().collect();
    let mut offerings = Offerings::of(&sites, &free, &residue, &classes, &rows, &state.nodes);
    let bold = kins.iter().zip(&bearings).filter(|(_, bearing)| bearing.spot).map(|(kin, _)| kin);
    offerings.price_risk(&sites, &Risk::of(bold), catalog, &terms);
    let demands = Demands::of(&Parts {
        pods: &pods,
        kins: &kins,
        ties: &ties,
        classes: &classes,
        axes: &axes,
        offerings: &offerings,
        domains: &domains,
        terms: &terms,
    });
    let mut context = Context::new(&state.nodes, learnt.templates.clone());
    context.offerings = offering_facts(&offerings, &sites);
    context.demands = families.facts(&demands, &classes, &binding, &sites);
    context.unpriced_nodes = notes::unpriced(&sites, &state.nodes, &mut findings);
    let nodes = existing_nodes(state, &sites, &offerings, &demands, &classes, &pods, terms.restart_rate);
    let mut problem = Problem {
        resources: axes.names.clone(),
        offerings: offerings.list,
        demands: demands.list,
        nodes,
        ..Problem::default()
    };
    problem.rules = rules::of(&problem, policy, &terms, pinned(&classes), &mut findings);
    problem.validate()?;
    notes::about(&problem, &pods, policy, &learnt, &mut findings);
    findings.sort();
    findings.dedup();
    Ok(Built { problem, context, findings })
}

/// The policy's zones, or those that have nodes; ascending.
fn zones(state: &ClusterState, policy: &Policy) -> Result<Vec<String>, BuildError> {
    let seen = || state.nodes.iter().map(|node| node.zone.clone()).filter(|zone| !zone.is_empty());
    let zones: BTreeSet<String> =
        if policy.zones.is_empty() { seen().collect() } else { policy.zones.iter().cloned().collect() };
    if zones.is_empty() { Err(BuildError::NoZones) } else { Ok(zones.into_iter().collect()) }
}

/// Architectures that some pod runs on; all of the policy's if selectors decide for one.
fn architectures(bearings: &[Bearing], policy: &Policy) -> BTreeSet<String> {
    if bearings.iter().any(|bearing| bearing.architectures.is_empty()) {
        return policy.architectures.iter().cloned().collect();
    }
    bearings.iter().flat_map(|bearing| bearing.architectures.iter().cloned()).collect()
}

/// Node labels that some selector, affinity or volume looks at.
fn looked_at<'k>(kins: &'k [Kin], state: &'k ClusterState) -> BTreeSet<&'k str> {
    let of_pods = kins.iter().flat_map(|kin| node_keys(&kin.scheduling));
    let of_volumes = kins.iter().flat_map(|kin| &kin.volumes).flat_map(|terms| term_keys(terms));
    let of_sets = state.daemon_sets.iter().flat_map(|set| node_keys(&set.scheduling));
    of_pods.chain(of_volumes).chain(of_sets).collect()
}

const NO_COMPANY: &str = "it must run near pods of its kind, and no node near them may take it";

/// By family and index of the spread: the sites whose nodes make a domain. Missing: all do.
type Domains = BTreeMap<(usize, usize), Bits>;

/// Where everybody may go.
struct Settled {
    classes: Vec<Class>,
    domains: Domains,
    /// By family: what keeps it off some site.
    binding: Vec<BTreeSet<Obstacle>>,
}

/// Families of pods and what is known of each, in one order.
struct Families<'a> {
    kins: &'a [Kin],
    bearings: &'a [Bearing],
    ties: &'a [Ties],
    pods: &'a Pods<'a>,
    axes: &'a Axes,
}

impl Families<'_> {
    /// Asks where each family may go, and splits it by what holds its pods.
    fn settle(
        &self,
        ground: &mut Ground<'_, '_>,
        findings: &mut Vec<Finding>,
    ) -> Result<Settled, BuildError> {
        let mut reach = Reach::default();
        let (mut classes, mut domains, mut refusals) = (Vec::new(), Domains::new(), Vec::new());
        let everywhere = Bits::of(ground.sites.len(), |_| true);
        let mut binding = Vec::new();
        for (index, kin) in self.kins.iter().enumerate() {
            let request = self.axes.request(kin);
            let ties = &self.ties[index];
            let stages = reach.stages(kin, &self.bearings[index], ties, &request, ground);
            let family = Family {
                index,
                kins: self.kins,
                ties,
                stages: &stages,
                pods: self.pods,
                sites: ground.sites,
            };
            let mut parts = family.split(findings);
            parts.iter_mut().for_each(|class| {
                prefer_gpu_templates(&mut class.row, ground.sites, &ground.sites.learnt.templates);
            });
            refusals.extend(self.refusal(index, &parts, &stages, &request, ground));
            classes.extend(parts);
            let binds = |stage: &&Stage| *stage.1 != everywhere;
            binding.push(stages.iter().filter(binds).map(|(obstacle, _)| *obstacle).collect());
            domains.extend(self.domains(index, &mut reach, ground.sites));
        }
        if refusals.is_empty() {
            Ok(Settled { classes, domains, binding })
        } else {
            Err(BuildError::Infeasible(refusals))
        }
    }

    /// Pending pods of a family that no site takes, or whose demands cannot be expressed.
    fn refusal(
        &self,
        index: usize,
        parts: &[Class],
        stages: &[Stage],
        request: &[i64],
        ground: &Ground<'_, '_>,
    ) -> Option<Refusal> {
        let kin = &self.kins[index];
        let pending = kin.pods.iter().filter(|pod| self.pods.node_of[**pod].is_none());
        let pods: Vec<String> = pending.map(|pod| self.pods.pod(*pod).key()).collect();
        if pods.is_empty() {
            return None;
        }
        let open = passes(stages, ground.sites.len());
        let beyond_us =
            self.ties[index].beyond_us.as_ref().map(|reason| format!("a plan cannot place it: {reason}"));
        let (nearest, reason) = match beyond_us.or_else(|| self.too_few_zones(index, &open, ground.sites)) {
            Some(reason) => (None, reason),
            None if open.is_empty() => {
                Case { axes: self.axes, sites: ground.sites, free: ground.free }.explain(kin, stages, request)
            }
            None if parts.iter().any(|class| self.is_shut_out(class, ground.sites)) => {
                (None, NO_COMPANY.to_owned())
            }
            None => return None,
        };
        Some(Refusal { demand: kin.name(self.pods), pods, nearest, reason })
    }

    /// Whether pending pods of a class have sealed nodes to go to at most.
    fn is_shut_out(&self, class: &Class, sites: &Sites<'_>) -> bool {
        let pending = class.pods.iter().any(|pod| self.pods.node_of[*pod].is_none());
        pending && class.row.iter().all(|site| sites.all[site].sealed)
    }

    /// Pods that each need a zone of their own, and more of them than zones.
    fn too_few_zones(&self, index: usize, open: &Bits, sites: &Sites<'_>) -> Option<String> {
        let pods = self.kins[index].pods.len();
        let zones: BTreeSet<&str> = open.iter().map(|site| sites.all[site].zone.as_str()).collect();
        let short = self.ties[index].alone_in_zone && zones.len() < pods;
        short.then(|| {
            format!("each of its {pods} pods needs a zone of its own; {} are open to it", zones.len())
        })
    }

    fn domains(&self, index: usize, reach: &mut Reach, sites: &mut Sites<'_>) -> Domains {
        let scheduling = &self.kins[index].scheduling;
        let mut domains = Domains::new();
        for (number, (constraint, topology, _)) in self.ties[index].spreads.iter().enumerate() {
            let zoned = |site: usize| *topology == Topology::Node || !sites.all[site].zone.is_empty();
            let mut row = Bits::of(sites.len(), zoned);
            if constraint.honor_affinity {
                row.intersect(&reach.selected(sites, scheduling));
            }
            if constraint.honor_taints {
                row.intersect(&reach.tolerated(sites, scheduling));
            }
            if row != Bits::of(sites.len(), |_| true) {
                domains.insert((index, number), row);
            }
        }
        domains
    }

    fn facts(
        &self,
        demands: &Demands,
        classes: &[Class],
        binding: &[BTreeSet<Obstacle>],
        sites: &Sites<'_>,
    ) -> Vec<DemandFacts> {
        let facts = |members: &Vec<usize>| {
            let mut pods: Vec<usize> =
                members.iter().flat_map(|class| classes[*class].pods.clone()).collect();
            pods.sort_unstable();
            let tags_of = |class: &usize| {
                let class = &classes[*class];
                tags::of(&tags::Subject {
                    class,
                    kin: &self.kins[class.kin],
                    bearing: &self.bearings[class.kin],
                    ties: &self.ties[class.kin],
                    binding: &binding[class.kin],
                    pods: self.pods,
                    taint_sets: &sites.taint_sets,
                })
            };
            let tags: BTreeSet<_> = members.iter().flat_map(tags_of).collect();
            DemandFacts { pods, tags: tags.into_iter().collect() }
        };
        demands.classes.iter().map(facts).collect()
    }
}

fn offering_facts(offerings: &Offerings, sites: &Sites<'_>) -> Vec<OfferingFacts> {
    let facts = |site: &usize| {
        let place = &sites.all[*site];
        OfferingFacts {
            labels: sites.labels(*site).into_owned(),
            taints: sites.taint_sets[place.taints as usize].clone(),
            allocatable: place.allocatable.clone(),
            ebs_volumes_max: super::capacity::volumes_of_site(place),
            instance_type: place.instance_type.clone(),
            zone: place.zone.clone(),
            kind: place.kind,
        }
    };
    offerings.first_site.iter().map(facts).collect()
}

fn existing_nodes(
    state: &ClusterState,
    sites: &Sites<'_>,
    offerings: &Offerings,
    demands: &Demands,
    classes: &[Class],
    pods: &Pods<'_>,
    drain_cost: HourlyRate,
) -> Vec<ExistingNode> {
    let mut residents: Vec<BTreeMap<u32, u32>> = vec![BTreeMap::new(); state.nodes.len()];
    let mut holds_pinned = vec![false; state.nodes.len()];
    for (class, demand) in classes.iter().zip(&demands.of_class) {
        for node in class.pods.iter().filter_map(|pod| pods.node_of[*pod]) {
            *residents[node].entry(*demand).or_insert(0) += 1;
        }
        if let Anchor::Pinned(node) = class.anchor {
            holds_pinned[node] = true;
        }
    }
    let node = |(index, residents): (usize, BTreeMap<u32, u32>)| ExistingNode {
        name: state.nodes[index].name.clone(),
        group: state.nodes[index].group.clone(),
        offering: offerings.of_site[index].expect("every running node has an offering"),
        drain_cost,
        residents: residents.into_iter().map(|(demand, count)| Placed { demand, count }).collect(),
        sealed: sites.all[index].sealed,
        kept: sites.all[index].kept || holds_pinned[index],
    };
    residents.into_iter().enumerate().map(node).collect()
}

fn pinned(classes: &[Class]) -> u64 {
    let pinned = classes.iter().filter(|class| matches!(class.anchor, Anchor::Pinned(_)));
    pinned.map(|class| class.pods.len() as u64).sum()
}

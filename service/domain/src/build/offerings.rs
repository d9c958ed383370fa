//! From sites to offerings: equal running nodes become one, and what nobody needs is left out.

use std::collections::BTreeMap;

use super::bits::{Bits, Numbering};
use super::capacity::Residue;
use super::classes::{Anchor, Class};
use super::sites::Sites;
use super::spot::Risk;
use super::terms::Terms;
use crate::catalog::Catalog;
use crate::fleet::{CapacityKind, Node};
use crate::problem::Offering;
use crate::units::HourlyRate;

/// Offerings, and which sites each stands for.
pub(super) struct Offerings {
    pub list: Vec<Offering>,
    /// By site: its offering; none: left out.
    pub of_site: Vec<Option<u32>>,
    /// By offering: its first site.
    pub first_site: Vec<usize>,
}

/// What makes running nodes equal, as far as a plan cares.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    instance_type: String,
    zone: String,
    kind: CapacityKind,
    template: usize,
    price: Option<HourlyRate>,
    free: Vec<i64>,
    labels: u32,
    taints: u32,
    ports: u32,
    closed: Vec<bool>,
    sealed: bool,
    own: Option<usize>,
}

impl Offerings {
    /// Running nodes first, in their order, then what can be bought, by template, type, zone, and kind.
    pub fn of(
        sites: &Sites<'_>,
        free: &[Vec<i64>],
        residue: &Residue,
        classes: &[Class],
        domains: &[Bits],
        nodes: &[Node],
    ) -> Self {
        let mut offerings =
            Self { list: Vec::new(), of_site: vec![None; sites.len()], first_site: Vec::new() };
        offerings.running(sites, free, residue, classes, nodes);
        for site in needed(sites, free, classes, domains, nodes.len()) {
            let place = &sites.all[site];
            let template = &sites.learnt.templates[place.template].name;
            let kind = match place.kind {
                CapacityKind::OnDemand => "on-demand",
                CapacityKind::Spot => "spot",
            };
            let id = format!("{}/{}/{kind}/{template}", place.instance_type, place.zone);
            offerings.push(sites, free, site, id);
        }
        offerings
    }

    /// Puts a price on the risk of interruption.
    pub fn price_risk(&mut self, sites: &Sites<'_>, risk: &Risk, catalog: &Catalog, terms: &Terms) {
        for (offering, site) in self.list.iter_mut().zip(&self.first_site) {
            offering.risk = risk.rate(&sites.all[*site], catalog, terms);
        }
    }

    /// A set of sites as a list of offerings, ascending.
    pub fn of_row(&self, row: &Bits) -> Vec<u32> {
        let mut list: Vec<u32> = row.iter().filter_map(|site| self.of_site[site]).collect();
        list.sort_unstable();
        list.dedup();
        list
    }

    fn running(
        &mut self,
        sites: &Sites<'_>,
        free: &[Vec<i64>],
        residue: &Residue,
        classes: &[Class],
        nodes: &[Node],
    ) {
        let mut alone = vec![false; nodes.len()];
        for class in classes.iter().filter(|class| class.needs_own_node) {
            if let Anchor::Stays(node) | Anchor::Pinned(node) = class.anchor {
                alone[node] = true;
            }
        }
        let mut looks = Numbering::new();
        for (site, node) in nodes.iter().enumerate() {
            let place = &sites.all[site];
            let look = Look {
                instance_type: place.instance_type.clone(),
                zone: place.zone.clone(),
                kind: place.kind,
                template: place.template,
                price: place.price,
                free: free[site].clone(),
                labels: sites.look(site),
                taints: place.taints,
                ports: residue.ports[site],
                closed: residue.closed.values().map(|row| row.contains(site)).collect(),
                sealed: place.sealed,
                own: alone[site].then_some(site),
            };
            let number = looks.number(&look) as usize;
            if number == self.list.len() {
                self.push(sites, free, site, format!("node/{}", node.name));
            }
            self.of_site[site] = Some(number as u32);
            let quantity = self.list[number].quantity_max.get_or_insert(0);
            *quantity += 1;
        }
    }

    fn push(&mut self, sites: &Sites<'_>, free: &[Vec<i64>], site: usize, id: String) {
        let place = &sites.all[site];
        self.of_site[site] = Some(self.list.len() as u32);
        self.first_site.push(site);
        self.list.push(Offering {
            id,
            instance_type: place.instance_type.clone(),
            zone: place.zone.clone(),
            kind: place.kind,
            template: sites.learnt.templates[place.template].name.clone(),
            capacity: free[site].clone(),
            price: place.price.unwrap_or_default(),
            risk: HourlyRate::ZERO,
            quantity_max: None,
        });
    }
}

/// New sites that some class may use, less those that another template serves as well: same type, zone
/// and kind, no less room, every class of it, and a domain of the same spreads. Exact.
fn needed(
    sites: &Sites<'_>,
    free: &[Vec<i64>],
    classes: &[Class],
    domains: &[Bits],
    nodes: usize,
) -> Vec<usize> {
    let users = columns(sites.len(), classes.iter().map(|class| &class.row), classes.len());
    let domains = columns(sites.len(), domains.iter(), domains.len());
    let mut rivals: BTreeMap<(&str, &str, CapacityKind), Vec<usize>> = BTreeMap::new();
    for site in (nodes..sites.len()).filter(|site| !users[*site].is_empty()) {
        let place = &sites.all[site];
        rivals.entry((&place.instance_type, &place.zone, place.kind)).or_default().push(site);
    }
    let serves = |one: usize, other: usize| {
        users[other].is_subset(&users[one])
            && domains[other] == domains[one]
            && free[other].iter().zip(&free[one]).all(|(theirs, ours)| theirs <= ours)
    };
    let beaten = |rivals: &[usize], site: usize| {
        rivals
            .iter()
            .any(|other| *other != site && serves(*other, site) && (!serves(site, *other) || *other < site))
    };
    let kept = |rivals: &Vec<usize>| -> Vec<usize> {
        rivals.iter().copied().filter(|site| !beaten(rivals, *site)).collect()
    };
    let mut needed: Vec<usize> = rivals.values().flat_map(kept).collect();
    needed.sort_unstable();
    needed
}

/// Turns rows (over sites) into columns (by site, over rows).
fn columns<'b>(sites: usize, rows: impl Iterator<Item = &'b Bits>, len: usize) -> Vec<Bits> {
    let mut columns = vec![Bits::none(len); sites];
    for (index, row) in rows.enumerate() {
        row.iter().for_each(|site| columns[site].insert(index));
    }
    columns
}

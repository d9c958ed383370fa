//! What a reader noticed, gathered so that a thousand like rows make one finding.

use std::collections::BTreeSet;

use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::units::ParsedPrice;

/// Names that a finding gives as examples.
const EXAMPLES_MAX: usize = 5;

/// Types that something is to be said about.
#[derive(Default)]
pub(super) struct Notes {
    rounded: BTreeSet<String>,
    unknown: BTreeSet<String>,
    other: Vec<Finding>,
}

impl Notes {
    /// Whether a price is of use: the catalog has facts of its type. Rounding is noted, too.
    pub(super) fn takes(&mut self, catalog: &Catalog, name: &str, price: &ParsedPrice) -> bool {
        let known = self.knows(catalog, name);
        if known {
            self.rounds(name, price);
        }
        known
    }

    /// Notes whether the price of a type had to be rounded.
    pub(super) fn rounds(&mut self, name: &str, price: &ParsedPrice) {
        if price.rounded {
            self.rounded.insert(name.to_owned());
        }
    }

    /// Whether the catalog has facts of a type; if not, that is noted.
    pub(super) fn knows(&mut self, catalog: &Catalog, name: &str) -> bool {
        let known = catalog.types.contains_key(name);
        if !known {
            self.unknown.insert(name.to_owned());
        }
        known
    }

    /// Anything else.
    pub(super) fn say(&mut self, severity: Severity, code: &str, message: impl Into<String>) {
        self.other.push(Finding::new(severity, code, "", message));
    }

    /// One finding for each kind of note.
    pub(super) fn findings(self) -> Vec<Finding> {
        let mut findings = self.other;
        if !self.rounded.is_empty() {
            let message = format!(
                "prices had more than nine decimals and were rounded half to even, to the nano-dollar: {}",
                listed(&self.rounded)
            );
            findings.push(Finding::new(Severity::Info, "PRICE_ROUNDED", "", message));
        }
        if !self.unknown.is_empty() {
            let message = format!(
                "instance types were left out, for the catalog has no facts of them: {}",
                listed(&self.unknown)
            );
            findings.push(Finding::new(Severity::Warning, "PRICE_TYPE_UNKNOWN", "", message));
        }
        findings
    }
}

/// How many names there are, and the first few of them.
fn listed(names: &BTreeSet<String>) -> String {
    let examples: Vec<&str> = names.iter().take(EXAMPLES_MAX).map(String::as_str).collect();
    let more = if EXAMPLES_MAX < names.len() { ", ..." } else { "" };
    format!("{} ({}{more})", names.len(), examples.join(", "))
}

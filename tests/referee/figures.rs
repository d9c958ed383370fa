//! How often the two agreed.

use std::fmt;

use super::trial::Agreement;

/// Sums over all worlds.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub worlds: u64,
    /// What is known of the pods on which the two do not agree.
    pub differing: Vec<String>,
    refused: u32,
    same_words: u32,
    placed: u32,
    among_best: u32,
    /// Placed where the model accepts more nodes than it ranks first.
    chosen: u32,
    chosen_among_best: u32,
}

impl Figures {
    /// Counts one pod.
    pub fn note(&mut self, agreement: Agreement) {
        match agreement {
            Agreement::None(told) => self.differing.push(told),
            Agreement::Refused { same_words } => {
                self.refused += 1;
                self.same_words += u32::from(same_words);
            }
            Agreement::Placed { among_best, feasible, best } => {
                self.placed += 1;
                self.among_best += u32::from(among_best);
                if best < feasible {
                    self.chosen += 1;
                    self.chosen_among_best += u32::from(among_best);
                }
            }
        }
    }

    /// Share of the placed pods with a choice whose node is among the best of the model. Pods that every order of nodes
    /// would explain do not count.
    pub fn share_among_best(&self) -> f64 {
        f64::from(self.chosen_among_best) / f64::from(self.chosen.max(1))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} probes in {} worlds: verdict equal in all but {}; {} placed, the real node among the best in {:.1} % ({:.1} % of {} \
             with a choice); {} refused, in the same words in {:.1} %",
            self.placed as usize + self.refused as usize + self.differing.len(),
            self.worlds,
            self.differing.len(),
            self.placed,
            percent(self.among_best, self.placed),
            percent(self.chosen_among_best, self.chosen),
            self.chosen,
            self.refused,
            percent(self.same_words, self.refused),
        )
    }
}

fn percent(some: u32, all: u32) -> f64 {
    100.0 * f64::from(some) / f64::from(all.max(1))
}

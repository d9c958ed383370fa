//! Progress of a plan on a terminal: stage, best cost, floor, gap.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use plimsoll_proto::v1::PlanProgress;
use plimsoll_proto::v1::plan_progress::Stage;

use crate::output::{Output, usd_per_hour};

/// One line that changes.
pub struct Line(Option<ProgressBar>);

impl Line {
    /// A line on stderr, if somebody watches.
    pub fn new(out: &Output) -> Self {
        Self(out.shows_progress().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(
                ProgressStyle::with_template("{spinner} {elapsed} {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        }))
    }

    /// Says something.
    pub fn say(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.to_owned());
        }
    }

    /// Shows where a planning stands.
    pub fn show(&self, progress: &PlanProgress) {
        let stage = match progress.stage() {
            Stage::Unspecified | Stage::Gather => "gathering",
            Stage::Solve => "solving",
            Stage::Check => "checking",
            Stage::Store => "storing",
        };
        let money = |nano_usd: Option<i64>| nano_usd.map_or_else(|| "–".to_owned(), usd_per_hour);
        let gap =
            progress.gap_ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{:.2} %", 100.0 * ratio));
        self.say(&format!(
            "{stage}: best {}, floor {}, gap {gap}",
            money(progress.incumbent_nano_usd_per_hour),
            money(progress.floor_nano_usd_per_hour),
        ));
    }

    /// Removes the line.
    pub fn done(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

//! Spot prices as a step function of time.

use std::collections::BTreeMap;

use crate::world::SpotChange;

/// Prices by type and zone, each in force from a second on until the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpotSteps(BTreeMap<(String, String), Vec<(i64, i64)>>);

/// A span at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First second.
    pub from: i64,
    /// First second after it.
    pub to: i64,
    /// Price, nano-USD per hour.
    pub nano_usd_per_hour: i64,
}

impl SpotSteps {
    /// Sorts changes out. Of two at the same second the dearer counts.
    pub fn new(changes: &[SpotChange]) -> Self {
        let mut steps: BTreeMap<(String, String), Vec<(i64, i64)>> = BTreeMap::new();
        for change in changes {
            let key = (change.instance_type.clone(), change.zone.clone());
            steps.entry(key).or_default().push((change.time.as_second(), change.rate.nano_usd()));
        }
        for list in steps.values_mut() {
            list.sort_unstable();
            list.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    earlier.1 = later.1;
                }
                same
            });
        }
        Self(steps)
    }

    /// The price in force at a second, nano-USD per hour; none if nobody knows.
    pub fn at(&self, instance_type: &str, zone: &str, second: i64) -> Option<i64> {
        let steps = self.steps(instance_type, zone);
        let next = steps.partition_point(|(time, _)| *time <= second);
        next.checked_sub(1).map(|last| steps[last].1)
    }

    /// The span from `from` to `to`, cut where the price changes; none if nobody knows the price at its begin. An empty
    /// span has one empty segment.
    pub fn segments(&self, instance_type: &str, zone: &str, from: i64, to: i64) -> Option<Vec<Segment>> {
        let rate = self.at(instance_type, zone, from)?;
        let mut segments = vec![Segment { from, to, nano_usd_per_hour: rate }];
        let steps = self.steps(instance_type, zone);
        for (time, rate) in steps.iter().filter(|(time, _)| (from + 1..to).contains(time)) {
            if let Some(last) = segments.last_mut() {
                last.to = *time;
            }
            segments.push(Segment { from: *time, to, nano_usd_per_hour: *rate });
        }
        Some(segments)
    }

    fn steps(&self, instance_type: &str, zone: &str) -> &[(i64, i64)] {
        let key = (instance_type.to_owned(), zone.to_owned());
        self.0.get(&key).map_or(&[], Vec::as_slice)
    }
}

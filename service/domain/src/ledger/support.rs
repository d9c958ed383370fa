//! Which Kubernetes versions are in standard support, and from when on a cluster pays for being late.

use jiff::Timestamp;

/// First day on which a version is in extended support. An older minor is in extended support, a newer one is not.
///
/// Source: AWS, "Understand the Kubernetes version lifecycle on EKS", read 2026-11. AWS names the day on which standard
/// support ends; that the surcharge begins at its first moment in UTC is an assumption.
const STANDARD_ENDS: [(u32, &str); 5] = [
    (31, "2025-11-26T00:00:00Z"),
    (32, "2026-03-23T00:00:00Z"),
    (33, "2026-07-29T00:00:00Z"),
    (34, "2026-12-02T00:00:00Z"),
    (35, "2027-03-27T00:00:00Z"),
];

/// From when on a version (`1.31`, `v1.31.4-eks-1`) pays for extended support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// From then on.
    ExtendedFrom(Timestamp),
    /// It did before the table begins.
    Extended,
    /// Not as far as the table tells, or the version is none that can be read.
    Standard,
}

impl Support {
    /// What the table says of a version.
    pub fn of(version: &str) -> Self {
        let Some(minor) = minor(version) else { return Self::Standard };
        match STANDARD_ENDS.iter().find(|(known, _)| *known == minor) {
            Some((_, end)) => end.parse().map_or(Self::Standard, Self::ExtendedFrom),
            None if minor < STANDARD_ENDS[0].0 => Self::Extended,
            None => Self::Standard,
        }
    }

    /// Whether the surcharge is paid at a moment.
    pub fn is_extended_at(self, time: Timestamp) -> bool {
        match self {
            Self::ExtendedFrom(start) => start <= time,
            Self::Extended => true,
            Self::Standard => false,
        }
    }
}

fn minor(version: &str) -> Option<u32> {
    let rest = version.trim().trim_start_matches('v').strip_prefix("1.")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_extended_from_the_end_of_its_standard_support() {
        let cases = [
            ("1.31", "2025-11-25T23:00:00Z", false),
            ("1.31", "2025-11-26T00:00:00Z", true),
            ("v1.34.1-eks-abc", "2026-11-26T12:00:00Z", false),
            ("1.34", "2026-12-02T00:00:00Z", true),
            ("1.21", "2026-01-01T00:00:00Z", true),
            ("1.36", "2030-01-01T00:00:00Z", false),
            ("", "2030-01-01T00:00:00Z", false),
            ("2.0", "2030-01-01T00:00:00Z", false),
            ("1.99999999999", "2030-01-01T00:00:00Z", false),
        ];
        for (version, time, want) in cases {
            let time = time.parse().expect("a time");
            assert_eq!(Support::of(version).is_extended_at(time), want, "{version} at {time}");
        }
    }

    #[test]
    fn every_end_in_the_table_can_be_read() {
        for (minor, _) in STANDARD_ENDS {
            assert!(matches!(Support::of(&format!("1.{minor}")), Support::ExtendedFrom(_)), "1.{minor}");
        }
    }
}

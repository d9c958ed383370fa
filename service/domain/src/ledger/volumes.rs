//! What is billed of an EBS volume.

use super::money::divide_half_even;
use super::tariffs::{self, Price};
use crate::priced::PersistentVolume;

/// Hours that a month has for people. Source: AWS's own calculators.
pub const MONTH_HOURS: i64 = 730;

/// What is billed of a volume: prices by the month, and how many units of each. Nothing for a volume that is not of EBS,
/// or of a type that is not known. IOPS and throughput count where they are asked for, above what comes with the type.
pub fn demands(volume: &PersistentVolume) -> Vec<(&'static Price, i64)> {
    let gb = volume.gb.clamp(0, crate::priced::VOLUME_GB_MAX);
    let iops = volume.iops.unwrap_or(0);
    let throughput = volume.throughput_mibps.unwrap_or(0);
    let all = match volume.volume_type.as_str() {
        "gp3" => vec![
            (&tariffs::GP3, gb),
            (&tariffs::GP3_IOPS, iops - tariffs::GP3_IOPS_FREE),
            (&tariffs::GP3_MIBPS, throughput - tariffs::GP3_MIBPS_FREE),
        ],
        "gp2" => vec![(&tariffs::GP2, gb)],
        "io2" => vec![(&tariffs::IO2, gb), (&tariffs::IO2_IOPS, iops)],
        "io1" => vec![(&tariffs::IO1, gb), (&tariffs::IO1_IOPS, iops)],
        "st1" => vec![(&tariffs::ST1, gb)],
        "sc1" => vec![(&tariffs::SC1, gb)],
        _ => Vec::new(),
    };
    all.into_iter().filter(|(_, units)| 0 < *units).collect()
}

/// What a volume costs, nano-USD in a whole month, at list prices.
pub fn per_month(volume: &PersistentVolume) -> i64 {
    let cost = |(price, units): (&Price, i64)| price.nano_usd.saturating_mul(units);
    demands(volume).into_iter().map(cost).fold(0, i64::saturating_add)
}

/// The same in an hour of a month of [`MONTH_HOURS`].
pub fn per_hour(volume: &PersistentVolume) -> i64 {
    divide_half_even(i128::from(per_month(volume)), i128::from(MONTH_HOURS))
}

//! A network of a cluster's own, as blocks of addresses.

use core::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// Addresses of a subnet that AWS keeps for itself. From the VPC guide, "Subnet CIDR blocks".
pub const RESERVED_ADDRESSES: u32 = 5;
/// Zones that a network spans at most: it is cut into eight blocks, one for each zone's nodes and one for the rest.
pub const NETWORK_ZONES_MAX: usize = 6;
/// Bits by which the block of a zone's nodes is longer than that of the network.
const PRIVATE_BITS: u32 = 3;
/// And that of its gateways and load balancers.
const PUBLIC_BITS: u32 = 6;
/// Bits of a network: AWS takes 16 to 28, and a zone's nodes and pods need a /23 at least.
pub const NETWORK_BITS: std::ops::RangeInclusive<u32> = 16..=20;

/// A network that is made for a cluster; where one is to be gone, nothing in it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its addresses, as CIDR of 16 to 20 bits: `10.0.0.0/16`.
    pub cidr: String,
    /// Its zones, 2 to 6.
    pub zones: Vec<String>,
    /// Whether each zone has a way out of its own, which is billed for each, rather than all the one of the first.
    pub nat_per_zone: bool,
}

/// The blocks of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneBlocks {
    /// The zone.
    pub zone: String,
    /// Addresses of nodes and pods.
    pub private: String,
    /// Addresses of gateways and load balancers.
    pub public: String,
}

impl Network {
    /// The blocks of its zones: an eighth of the network for each zone's nodes, a sixty-fourth for what faces the world. None
    /// if its addresses or zones are not as they have to be.
    pub fn blocks(&self) -> Option<Vec<ZoneBlocks>> {
        let (start, bits) = parse(&self.cidr)?;
        let aligned = start & (u32::MAX >> bits) == 0;
        if !NETWORK_BITS.contains(&bits) || !aligned || NETWORK_ZONES_MAX < self.zones.len() {
            return None;
        }
        let block = |index: u32, longer: u32| {
            let bits = bits + longer;
            format!("{}/{bits}", Ipv4Addr::from(start + (index << (32 - bits))))
        };
        // The last eighth is cut again.
        let publics = 7 << (PUBLIC_BITS - PRIVATE_BITS);
        let zone = |(index, zone): (u32, &String)| ZoneBlocks {
            zone: zone.clone(),
            private: block(index, PRIVATE_BITS),
            public: block(publics + index, PUBLIC_BITS),
        };
        Some((0..).zip(&self.zones).map(zone).collect())
    }

    /// Addresses that are free in the block of a zone's nodes when it is made.
    pub fn free_addresses(&self) -> u32 {
        let bits = parse(&self.cidr).map_or(32, |(_, bits)| bits + PRIVATE_BITS);
        1_u32.checked_shl(32 - bits).unwrap_or(0).saturating_sub(RESERVED_ADDRESSES)
    }
}

/// First address and bits of `10.0.0.0/16`.
pub fn parse(cidr: &str) -> Option<(u32, u32)> {
    let (address, bits) = cidr.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    Some((u32::from(address.parse::<Ipv4Addr>().ok()?), bits))
}

/// Whether two networks share an address.
pub fn overlap((one, bits): (u32, u32), (other, other_bits): (u32, u32)) -> bool {
    let shared = bits.min(other_bits);
    let mask = u32::MAX.checked_shl(32 - shared).unwrap_or(0);
    one & mask == other & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(cidr: &str, zones: usize) -> Network {
        let zones = (0..zones).map(|index| format!("zone-{index}")).collect();
        Network { cidr: cidr.into(), zones, nat_per_zone: false }
    }

    #[test]
    fn blocks_are_in_the_network_and_share_no_address() {
        for cidr in ["10.0.0.0/16", "10.4.0.0/18", "172.31.240.0/20"] {
            let network = network(cidr, NETWORK_ZONES_MAX);
            let blocks = network.blocks().expect("it can be cut");
            let all: Vec<_> = blocks
                .iter()
                .flat_map(|zone| [&zone.private, &zone.public])
                .map(|cidr| parse(cidr).expect("valid"))
                .collect();
            let whole = parse(cidr).expect("valid");
            for (index, one) in all.iter().enumerate() {
                assert!(overlap(*one, whole) && whole.1 < one.1, "{one:?}");
                assert!(all[..index].iter().all(|other| !overlap(*one, *other)), "{blocks:?}");
            }
        }
        let first = &network("10.0.0.0/16", 2).blocks().expect("valid")[1];
        assert_eq!((first.private.as_str(), first.public.as_str()), ("10.0.32.0/19", "10.0.228.0/22"));
        assert_eq!(network("10.0.0.0/16", 2).free_addresses(), 8_187);
    }

    #[test]
    fn what_cannot_be_cut_is_none() {
        for cidr in ["10.0.0.0/15", "10.0.0.0/21", "10.0.1.0/16", "10.0.0.0", "a/16", "10.0.0.0/99"] {
            assert_eq!(network(cidr, 2).blocks(), None, "{cidr}");
        }
        assert_eq!(network("10.0.0.0/16", NETWORK_ZONES_MAX + 1).blocks(), None);
        for text in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/0", "a/8"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn networks_overlap_if_one_holds_the_other() {
        let overlaps =
            |one: &str, other: &str| overlap(parse(one).expect("valid"), parse(other).expect("valid"));
        assert!(overlaps("10.0.0.0/16", "10.0.4.0/22") && overlaps("10.0.4.0/22", "10.0.0.0/16"));
        assert!(overlaps("0.0.0.0/0", "10.0.0.0/8"));
        assert!(!overlaps("10.0.0.0/16", "10.1.0.0/16") && !overlaps("172.20.0.0/16", "10.0.0.0/8"));
    }
}

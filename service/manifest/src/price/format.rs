//! Tells the formats apart by how a file begins.

use super::{ec2_table, price_table};

/// Formats of price files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// `index.json` of AWS's price list (bulk).
    Offer,
    /// What `aws pricing get-products` prints.
    PriceList,
    /// What `aws ec2 describe-spot-price-history` prints.
    SpotHistory,
    /// `spot-advisor-data.json`.
    Advisor,
    /// CSV with facts and prices of instance types.
    Ec2Table,
    /// CSV with prices only.
    PriceTable,
}

/// The format of a file that begins with `prefix`; `None` if it is in none of them.
///
/// A table is told by its header, JSON by the first of the names that only one format has.
pub fn detect(prefix: &[u8]) -> Option<Format> {
    let text = String::from_utf8_lossy(prefix);
    let text = text.trim_start();
    if text.starts_with('{') { json(text) } else { table(text) }
}

fn json(text: &str) -> Option<Format> {
    const NAMES: [(&str, Format); 7] = [
        ("\"SpotPriceHistory\"", Format::SpotHistory),
        ("\"PriceList\"", Format::PriceList),
        ("\"spot_advisor\"", Format::Advisor),
        ("\"instance_types\"", Format::Advisor),
        ("\"offerCode\"", Format::Offer),
        ("\"products\"", Format::Offer),
        ("\"terms\"", Format::Offer),
    ];
    let found = NAMES.iter().filter_map(|(name, format)| Some((text.find(name)?, *format)));
    found.min().map(|(_, format)| format)
}

fn table(text: &str) -> Option<Format> {
    let header = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let header: Vec<&str> = header.split(',').map(|name| name.trim().trim_matches('"')).collect();
    let has = |column: &str| header.contains(&column);
    if has(ec2_table::KEY_COLUMN) && has(ec2_table::PRICE_COLUMN) {
        return Some(Format::Ec2Table);
    }
    has(price_table::PRICE_COLUMN).then_some(Format::PriceTable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(prefix: &str, want: Option<Format>) {
        assert_eq!(detect(prefix.as_bytes()), want, "{prefix}");
    }

    #[test]
    fn a_file_is_told_by_how_it_begins() {
        check("{ \"formatVersion\" : \"v1.0\", \"offerCode\" : \"AmazonEC2\"", Some(Format::Offer));
        check("{\"FormatVersion\": \"aws_v1\", \"PriceList\": [\"{\\\"product\\\"", Some(Format::PriceList));
        check("\n{\n  \"SpotPriceHistory\": [", Some(Format::SpotHistory));
        check("{\"instance_types\": {\"c6i.32xlarge\": {\"emr\": true", Some(Format::Advisor));
        check("{\"ranges\": [], \"spot_advisor\": {\"us-east-1\"", Some(Format::Advisor));
        check("type,arch,metal,vcpu,mem_mib,od_price\r\na1", Some(Format::Ec2Table));
        check("instance_type,zone,capacity_kind,usd_per_hour\n", Some(Format::PriceTable));
        check("# ours, of today\n\n\"instance_type\", \"usd_per_hour\"\n", Some(Format::PriceTable));
        check("{\"items\": []}", None);
        check("time,namespace,pod\n", None);
        check("", None);
    }
}

//! AWS's price list of EC2, as the bulk offer file (`index.json`, hundreds of MB) or as `aws pricing
//! get-products` prints it.
//!
//! Of all products only shared Linux instances at list price count. The file is read in one pass that keeps two
//! maps: instance type by SKU, and price terms by SKU.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use plimsoll_domain::catalog::change::ByType;
use plimsoll_domain::finding::Severity;
use plimsoll_domain::units::{HourlyRate, ParsedPrice};

use super::json::{self, Take};
use super::notes::Notes;
use super::{Import, Outcome, money};
use crate::error::{Fault, ReadError};
use crate::input::Text;

/// Reads a price list; its prices replace the catalog's on-demand prices.
///
/// A list of another region than the catalog's moves the catalog there: facts stay, spot figures go. The list
/// counts as of its publication, or as of [`Import::time`] if it does not say.
///
/// # Errors
/// [`ReadError::Bad`] naming the SKU that has no price, several, or zero; or if the list is of several regions,
/// none of them the catalog's. [`ReadError::Empty`] if it sells no instance.
pub fn read(text: Text, import: &Import) -> Result<Outcome, ReadError> {
    let mut offer = Offer::default();
    json::read(text, &mut offer)?;
    let region = offer.region(&import.base.region)?;
    let mut notes = Notes::default();
    let prices = offer.prices(&region, import, &mut notes)?;
    let mut catalog = import.base.clone();
    if catalog.region != region {
        catalog.move_to(&region);
        let message = format!(
            "the list is of {region}, so the catalog has moved there from {}: import a spot price history or the Spot Advisor's file, too, if spot is wanted",
            import.base.region
        );
        notes.say(Severity::Warning, "PRICE_REGION_CHANGED", message);
    }
    let gone = import.base.on_demand.keys().filter(|name| !prices.contains_key(*name)).count();
    if gone > 0 {
        let message = format!("{gone} types that had a price are not in the list and count as not sold");
        notes.say(Severity::Info, "PRICE_TYPES_GONE", message);
    }
    catalog.replace_on_demand(prices, import.origin, offer.publication.unwrap_or(import.time));
    Ok((catalog, notes.findings()))
}

/// On-demand prices by instance type, and what is wrong with those that are left out.
pub type Listed = (ByType<HourlyRate>, Vec<String>);

/// Reads the items of `GetProducts`, each a JSON text: on-demand prices of shared Linux instances in a region, to the
/// nano-dollar, half to even. A type with no price, several or zero is left out, and said: one of them is no reason to have
/// none of the others.
///
/// # Errors
/// [`ReadError::Bad`] with the number of an item that is no product, or stands there twice.
pub fn items<'a>(items: impl IntoIterator<Item = &'a str>, region: &str) -> Result<Listed, ReadError> {
    let mut offer = Offer::default();
    for (index, text) in items.into_iter().enumerate() {
        let added = offer.add_item(text);
        added.map_err(|told| Fault::new(told).at(format!("PriceList[{index}]")))?;
    }
    let mut prices: ByType<Vec<HourlyRate>> = ByType::new();
    let mut odd = Vec::new();
    for (sku, Sold { instance_type, .. }) in offer.sold_in(region) {
        match offer.price(sku) {
            Ok(price) => prices.entry(instance_type.clone()).or_default().push(price.rate),
            Err(told) => odd.push(format!("SKU {sku} ({instance_type}) {told}")),
        }
    }
    let mut listed = ByType::new();
    for (name, rates) in prices {
        match rates.as_slice() {
            [rate] => drop(listed.insert(name, *rate)),
            several => odd.push(format!("{name} has {} prices: expected one", several.len())),
        }
    }
    Ok((listed, odd))
}

/// What is kept of a list.
#[derive(Default)]
struct Offer {
    publication: Option<Timestamp>,
    /// Wanted products, by SKU.
    products: BTreeMap<String, Sold>,
    /// On-demand terms by SKU: of wanted products, or of all if terms come first.
    terms: BTreeMap<String, Terms>,
    products_came: bool,
}

/// What a SKU sells, and where.
struct Sold {
    instance_type: String,
    region: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    #[serde(default)]
    sku: String,
    #[serde(default)]
    product_family: String,
    attributes: Attributes,
}

/// The attributes that tell what is wanted; a product of another kind has other ones.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Attributes {
    instance_type: String,
    region_code: String,
    operating_system: String,
    pre_installed_sw: String,
    tenancy: String,
    capacitystatus: String,
    marketoption: Option<String>,
    usagetype: Option<String>,
}

/// By offer term code.
type Terms = BTreeMap<String, Term>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    price_per_unit: BTreeMap<String, String>,
}

/// One item of `aws pricing get-products`: a product with its own terms.
#[derive(Deserialize)]
struct Item {
    product: Product,
    #[serde(default)]
    terms: ItemTerms,
}

#[derive(Deserialize, Default)]
struct ItemTerms {
    #[serde(rename = "OnDemand", default)]
    on_demand: Terms,
}

impl Product {
    fn is_wanted(&self) -> bool {
        let found = &self.attributes;
        self.product_family.starts_with("Compute Instance")
            && found.operating_system == "Linux"
            && found.pre_installed_sw == "NA"
            && found.tenancy == "Shared"
            && found.capacitystatus == "Used"
            && found.marketoption.as_deref().is_none_or(|option| option == "OnDemand")
            && found.usagetype.as_deref().is_none_or(is_box_usage)
    }
}

/// Whether a usage type is that of a running instance: `BoxUsage`, `BoxUsage:m5.large`, `EUW1-BoxUsage:m5.large`.
fn is_box_usage(usage_type: &str) -> bool {
    let is_it =
        |rest: &str| rest.strip_prefix("BoxUsage").is_some_and(|end| end.is_empty() || end.starts_with(':'));
    is_it(usage_type) || usage_type.split_once('-').is_some_and(|(_region, rest)| is_it(rest))
}

impl Offer {
    fn add(&mut self, sku: &str, product: Product) -> Result<(), String> {
        if !product.is_wanted() {
            return Ok(());
        }
        let Attributes { instance_type, region_code, .. } = product.attributes;
        let sold = Sold { instance_type, region: region_code };
        match self.products.insert(sku.to_owned(), sold) {
            None => Ok(()),
            Some(_) => Err(format!("SKU {sku} stands there twice")),
        }
    }

    fn add_item(&mut self, text: &str) -> Result<(), String> {
        let item: Item = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let sku = item.product.sku.clone();
        let known = self.products.len();
        self.add(&sku, item.product)?;
        if known < self.products.len() {
            self.terms.insert(sku, item.terms.on_demand);
        }
        Ok(())
    }

    /// The region to read: the catalog's if the list has it, else the list's only one.
    fn region(&self, base: &str) -> Result<String, ReadError> {
        let mut regions: Vec<&str> = self.products.values().map(|sold| sold.region.as_str()).collect();
        regions.sort_unstable();
        regions.dedup();
        match regions.as_slice() {
            [] => Err(ReadError::Empty { what: "on-demand Linux instances with shared tenancy" }),
            [only] => Ok((*only).to_owned()),
            several if several.contains(&base) => Ok(base.to_owned()),
            several => {
                let message =
                    format!("has {} regions, but not {base}: expected a list of one", several.len());
                Err(Fault::new(message).at("products").into())
            }
        }
    }

    fn prices(&self, region: &str, import: &Import, notes: &mut Notes) -> Result<ByType<HourlyRate>, Fault> {
        let mut skus = BTreeMap::new();
        let mut prices = ByType::new();
        for (sku, Sold { instance_type, .. }) in self.sold_in(region) {
            if let Some(first) = skus.insert(instance_type, sku) {
                let message = format!("SKUs {first} and {sku} both price {instance_type}");
                return Err(Fault::new(message).at(sku).at("products"));
            }
            let price = self.price(sku).map_err(|told| {
                Fault::new(format!("SKU {sku} ({instance_type}) {told}")).at(sku).at("terms.OnDemand")
            })?;
            if notes.takes(import.base, instance_type, &price) {
                prices.insert(instance_type.clone(), price.rate);
            }
        }
        Ok(prices)
    }

    fn sold_in<'a>(&'a self, region: &'a str) -> impl Iterator<Item = (&'a String, &'a Sold)> {
        self.products.iter().filter(move |(_, sold)| sold.region == region)
    }

    /// The one hourly price of a SKU.
    fn price(&self, sku: &str) -> Result<ParsedPrice, String> {
        let terms = self.terms.get(sku).into_iter().flat_map(BTreeMap::values);
        let dimensions: Vec<&Dimension> = terms.flat_map(|term| term.price_dimensions.values()).collect();
        let [dimension] = dimensions.as_slice() else {
            return Err(format!("has {} prices: expected one", dimensions.len()));
        };
        if dimension.unit != "Hrs" {
            return Err(format!("is priced by {:?}: expected \"Hrs\"", dimension.unit));
        }
        let usd = dimension.price_per_unit.get("USD").ok_or("has no price in USD")?;
        money::parse(usd)
    }
}

impl Take for Offer {
    fn take<'de, D: Deserializer<'de>>(&mut self, key: &str, value: D) -> Result<(), D::Error> {
        match key {
            "publicationDate" => Timestamp::deserialize(value).map(|time| self.publication = Some(time)),
            "products" => {
                json::each(&mut Products(self), value)?;
                self.products_came = true;
                Ok(())
            }
            "terms" => json::each(&mut Markets(self), value),
            "PriceList" => json::each(&mut Items(self), value),
            _ => json::skip(value),
        }
    }
}

struct Products<'a>(&'a mut Offer);

impl Take for Products<'_> {
    fn take<'de, D: Deserializer<'de>>(&mut self, sku: &str, value: D) -> Result<(), D::Error> {
        self.0.add(sku, Product::deserialize(value)?).map_err(D::Error::custom)
    }
}

struct Markets<'a>(&'a mut Offer);

impl Take for Markets<'_> {
    fn take<'de, D: Deserializer<'de>>(&mut self, key: &str, value: D) -> Result<(), D::Error> {
        if key == "OnDemand" { json::each(&mut OnDemand(self.0), value) } else { json::skip(value) }
    }
}

struct OnDemand<'a>(&'a mut Offer);

impl Take for OnDemand<'_> {
    fn take<'de, D: Deserializer<'de>>(&mut self, sku: &str, value: D) -> Result<(), D::Error> {
        let Offer { products, terms, products_came, .. } = &mut *self.0;
        if *products_came && !products.contains_key(sku) {
            return json::skip(value);
        }
        match terms.insert(sku.to_owned(), Terms::deserialize(value)?) {
            None => Ok(()),
            Some(_) => Err(D::Error::custom(format_args!("SKU {sku} stands there twice"))),
        }
    }
}

struct Items<'a>(&'a mut Offer);

impl Take for Items<'_> {
    fn take<'de, D: Deserializer<'de>>(&mut self, _key: &str, value: D) -> Result<(), D::Error> {
        let text = String::deserialize(value)?;
        self.0.add_item(&text).map_err(D::Error::custom)
    }
}

//! Prices: import, list, show where they come from.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use plimsoll_proto::v1::{
    CapacityKind, Catalog, GetCatalogRequest, ImportHeader, ListCatalogsRequest, ListOfferingsRequest,
    PricedOffering,
};

use crate::client::{Client, request_id};
use crate::import;
use crate::output::{Output, Table, thousands, usd_per_hour};
use crate::progress::Line;

/// The newest catalog of a region.
const NEWEST: &str = "catalogs/latest";

/// What can be done with prices.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Store a catalog from a file: AWS offer index.json, spot price history, Spot Advisor JSON, or CSV
    #[command(
        after_help = "Example:\n  aws ec2 describe-spot-price-history --output json > spot.json\n  plimsoll --server http://127.0.0.1:7400 price import spot.json"
    )]
    Import {
        /// The file; may be gzipped
        file: PathBuf,
        /// AWS region
        #[arg(long, default_value = "us-east-1")]
        region: String,
    },
    /// List offerings with their prices
    #[command(after_help = "Example:\n  plimsoll price list --filter 'instance_type = \"m7i.large\"'")]
    List {
        /// Resource name of a catalog; default: the newest of the region
        #[arg(long, default_value = NEWEST)]
        catalog: String,
        /// AWS region
        #[arg(long, default_value = "us-east-1")]
        region: String,
        /// Comparisons joined by AND
        #[arg(long, default_value = "")]
        filter: String,
        /// Most offerings that are shown
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// List catalogs, newest first, the built-in one last: a plan can be made with any of them
    #[command(
        after_help = "Example:\n  plimsoll --server http://127.0.0.1:7400 price catalogs\n  plimsoll --server http://127.0.0.1:7400 plan create --cluster prod --catalog catalogs/k1"
    )]
    Catalogs,
    /// Show a catalog: where its numbers come from and how old they are
    #[command(after_help = "Example:\n  plimsoll price show")]
    Show {
        /// Resource name of a catalog; default: the newest of the region
        #[arg(default_value = NEWEST)]
        catalog: String,
        /// AWS region
        #[arg(long, default_value = "us-east-1")]
        region: String,
    },
}

/// Carries a command out.
pub async fn run(client: Client, out: &mut Output, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Import { file, region } => show(out, &send(&client, out, &file, &region).await?)?,
        Command::Catalogs => show_catalogs(out, &list_catalogs(&client).await?)?,
        Command::Show { catalog, region } => {
            let request = GetCatalogRequest { name: catalog, region };
            show(out, &client.pricing().get_catalog(request).await?.into_inner())?;
        }
        Command::List { catalog, region, filter, limit } => {
            let offerings = list(&client, &catalog, &region, &filter, limit).await?;
            show_offerings(out, &offerings)?;
        }
    }
    client.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Sends a file of prices; the new catalog is the answer.
pub async fn send(client: &Client, out: &Output, file: &Path, region: &str) -> anyhow::Result<Catalog> {
    let line = Line::new(out);
    line.say(&format!("importing {}", file.display()));
    let header = ImportHeader {
        request_id: request_id(),
        file_name: import::file_name(file),
        region: region.to_owned(),
        ..ImportHeader::default()
    };
    let catalog = client.pricing().import_prices(import::stream(file, header)?).await;
    line.done();
    Ok(catalog?.into_inner())
}

async fn list(
    client: &Client,
    catalog: &str,
    region: &str,
    filter: &str,
    limit: usize,
) -> anyhow::Result<Vec<PricedOffering>> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListOfferingsRequest {
            parent: catalog.to_owned(),
            region: region.to_owned(),
            filter: filter.to_owned(),
            page_token,
            ..ListOfferingsRequest::default()
        };
        let page = client.pricing().list_offerings(request).await?.into_inner();
        all.extend(page.offerings);
        page_token = page.next_page_token;
        if page_token.is_empty() || limit <= all.len() {
            all.truncate(limit);
            return Ok(all);
        }
    }
}

fn show(out: &mut Output, catalog: &Catalog) -> anyhow::Result<()> {
    let text = format!(
        "{}  {} types in {}, {} on-demand prices, {} spot prices\n",
        catalog.name,
        thousands(catalog.instance_type_count.into()),
        catalog.region,
        thousands(catalog.on_demand_price_count.into()),
        thousands(catalog.spot_price_count.into()),
    );
    let row = |source: &plimsoll_proto::v1::Source| {
        let day = source.source_time.as_ref().map(day).unwrap_or_default();
        let kind = if source.estimated { "estimate" } else { "quotation" };
        vec![source.what.clone(), day, kind.to_owned(), source.origin.clone()]
    };
    let table = Table {
        head: vec!["WHAT", "AS OF", "KIND", "ORIGIN"],
        rows: catalog.sources.iter().map(row).collect(),
    };
    out.print(catalog, &text, &table)
}

async fn list_catalogs(client: &Client) -> anyhow::Result<Vec<Catalog>> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListCatalogsRequest { page_token, ..ListCatalogsRequest::default() };
        let page = client.pricing().list_catalogs(request).await?.into_inner();
        all.extend(page.catalogs);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

fn show_catalogs(out: &mut Output, catalogs: &[Catalog]) -> anyhow::Result<()> {
    let row = |one: &Catalog| {
        let time = one.create_time.as_ref().map_or_else(|| "built in".to_owned(), second);
        vec![one.name.clone(), one.region.clone(), time]
    };
    let head = vec!["NAME", "REGION", "STORED"];
    out.print_all(catalogs, &Table { head, rows: catalogs.iter().map(row).collect() })
}

/// A time to the second, UTC.
pub fn second(time: &pbjson_types::Timestamp) -> String {
    jiff::Timestamp::new(time.seconds, 0).map(|time| time.to_string()).unwrap_or_default()
}

/// The day of a time, UTC.
pub fn day(time: &pbjson_types::Timestamp) -> String {
    jiff::Timestamp::new(time.seconds, 0)
        .map(|time| time.strftime("%Y-%m-%d").to_string())
        .unwrap_or_default()
}

fn show_offerings(out: &mut Output, offerings: &[PricedOffering]) -> anyhow::Result<()> {
    let row = |one: &PricedOffering| {
        let kind = if one.kind() == CapacityKind::Spot { "spot" } else { "on-demand" };
        let quality = if one.estimated { "estimate" } else { "quotation" };
        vec![
            one.instance_type.clone(),
            one.zone.clone(),
            kind.to_owned(),
            usd_per_hour(one.price_nano_usd_per_hour),
            quality.to_owned(),
            one.architecture.clone(),
            one.vcpu_count.to_string(),
            format!("{:.1}", one.memory_bytes as f64 / f64::from(1 << 30)),
            if one.gpu_count == 0 { String::new() } else { format!("{} {}", one.gpu_count, one.gpu_name) },
        ]
    };
    let head = vec!["TYPE", "ZONE", "KIND", "$PRICE", "QUALITY", "ARCH", "#VCPU", "#GIB", "GPUS"];
    out.print_all(offerings, &Table { head, rows: offerings.iter().map(row).collect() })
}

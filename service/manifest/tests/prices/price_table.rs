use super::*;

pub(super) const FILE: &str = "\
instance_type,zone,capacity_kind,usd_per_hour
# comments are passed over
m5.large,,on-demand,0.09
m5.large,us-east-1a,SPOT,0.03
m5.xlarge,,spot,0.06
x99.large,,spot,0.06
";

#[track_caller]
fn check(rows: &str, want: &str) {
    expect_refused(&format!("instance_type,zone,capacity_kind,usd_per_hour\n{rows}"), want);
}

#[test]
fn named_prices_are_set_and_others_stay() {
    let outcome = imported(FILE);
    let catalog = &outcome.0;
    let (on_demand, spot) = (CapacityKind::OnDemand, CapacityKind::Spot);
    expect_price(catalog, "m5.large", "us-east-1b", on_demand, Some(90_000_000));
    expect_price(catalog, "m5.large", "us-east-1a", spot, Some(30_000_000));
    expect_price(catalog, "m5.large", "us-east-1b", spot, None);
    expect_price(catalog, "m5.xlarge", "us-east-1b", spot, Some(60_000_000));
    expect_price(catalog, "g5.xlarge", "us-east-1b", on_demand, Some(1_006_000_000));
    expect_codes(&outcome, &["PRICE_TYPE_UNKNOWN"]);
    assert_eq!(catalog.sources.len(), 6);
}

#[test]
fn rows_that_say_nothing_clear_are_refused() {
    check("m5.large,,spot,-1\n", "line 2: usd_per_hour: \"-1\" is negative");
    check("m5.large,,spot,NaN\n", "line 2: usd_per_hour: \"NaN\" is not a decimal number of US dollars");
    check("m5.large,,spot,1e400\n", "line 2: usd_per_hour: \"1e400\" is not a decimal number of US dollars");
    check("m5.large,,spot,\n", "line 2: usd_per_hour: \"\" is not a decimal number of US dollars");
    check("m5.large,,spot,0\n", "line 2: usd_per_hour: \"0\" is no price: it must be above zero");
    check("m5.large,,rented,1\n", "line 2: capacity_kind: \"rented\": expected on-demand or spot");
    check(",,spot,1\n", "line 2: instance_type: is empty");
    check(
        "m5.large,eu-west-1a,spot,1\n",
        "line 2: zone: \"eu-west-1a\" is no zone of us-east-1, the region of the catalog",
    );
    check(
        "m5.large,,spot,1\nm5.large,,spot,1\n",
        "line 3: instance_type: m5.large has a price already, of the same zone and kind",
    );
    check(
        "m5.large,us-east-1a,on-demand,1\nm5.large,us-east-1b,on-demand,2\n",
        "line 3: usd_per_hour: m5.large has another on-demand price above, but those are the same in all zones",
    );
    check("m5.large,,sp", "line 2: 3 fields, where the header has 4: is the file cut off?");
    check(
        "\n# two prices\n\nm5.large,,spot,x\n",
        "line 5: usd_per_hour: \"x\" is not a decimal number of US dollars",
    );
    check("", "there are no prices in it");
}

#[test]
fn the_header_must_be_known_and_complete() {
    let refused = |header: &str, want: &str| expect_refused(&format!("{header}\n"), want);
    let expected = "unknown column; expected instance_type,zone,capacity_kind,usd_per_hour";
    refused("instance_type,zone,capacity_kind,usd_per_hour,note", &format!("line 1: note: {expected}"));
    refused("instance_type,zone,usd_per_hour", "line 1: capacity_kind: column is missing");
    refused("# of today\ninstance_type,zone,usd_per_hour", "line 2: capacity_kind: column is missing");
    refused("instance_type,zone,zone,usd_per_hour", "line 1: zone: column stands there twice");
}

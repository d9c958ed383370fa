use super::*;

pub(super) const FILE: &str = "\
type,arch,metal,vcpu,mem_mib,gpu,gpu_name,gpu_mem_mib,ssd_gb,max_pods,alloc_cpu_m,alloc_mem_mib,od_price,\
spot_saving_pct,spot_interrupt_bucket,managed_max_pods,accelerator,accelerator_name,accelerator_count,\
burst_baseline_cpu_m,ebs_volumes_max,ebs_limit,ebs_baseline_mbps,net_baseline_gbps,spot,manufacturer,current
m5.large,x86_64,0,2,8192,0,,0,0,29,1930,6903,0.097,66,3,29,none,,0,,27,shared,650,0.75,1,Intel,0
g6f.large,x86_64,0,2,8192,0,L4,2861,100,20,1930,7002,0.202,,,20,gpu_fraction,L4,0.125,,32,dedicated,1,1,1,AMD,1
";

#[track_caller]
fn check(from: &str, to: &str, want: &str) {
    expect_refused(&FILE.replacen(from, to, 1), want);
}

#[test]
fn the_table_replaces_types_and_prices() {
    let outcome = imported(FILE);
    let catalog = &outcome.0;
    assert_eq!(catalog.types.keys().collect::<Vec<_>>(), ["g6f.large", "m5.large"]);
    assert_eq!(catalog.types["g6f.large"], Catalog::builtin().types["g6f.large"]);
    expect_price(catalog, "m5.large", "us-east-1a", CapacityKind::OnDemand, Some(97_000_000));
    expect_price(catalog, "m5.large", "us-east-1a", CapacityKind::Spot, Some(32_980_000));
    expect_price(catalog, "g6f.large", "us-east-1a", CapacityKind::Spot, None);
    expect_codes(&outcome, &["PRICE_UNDATED"]);
    assert_eq!((catalog.sources.len(), catalog.price_time.to_string().as_str()), (4, "2026-11-22T00:00:00Z"));
}

#[test]
fn rows_that_are_odd_are_refused() {
    check("8192", "-1", "line 2: mem_mib: \"-1\": expected a whole number, 0 to 1073741824");
    check("0.097", "-0.1", "line 2: od_price: \"-0.1\" is negative");
    check(",66,3,", ",100,3,", "line 2: spot_saving_pct: \"100\": expected a whole number, 0 to 99");
    check(
        ",66,3,",
        ",66,5,",
        "line 2: spot_interrupt_bucket: the Spot Advisor has interruption bands 0 to 4, not 5",
    );
    check("x86_64", "mips", "line 2: arch: \"mips\": expected x86_64 or arm64");
    check(
        "none",
        "abacus",
        "line 2: accelerator: \"abacus\": expected none, gpu, gpu_fraction, neuron, fpga or media",
    );
    check("g6f.large", "m5.large", "line 3: type: m5.large stands there twice");
    let told = import(FILE.replacen(",arch,", ",bow,", 1).as_bytes()).unwrap_err();
    assert!(told.starts_with("line 1: bow: unknown column; expected type,arch,"), "{told}");
}

#[test]
fn the_table_of_the_data_folder_is_the_built_in_catalog() {
    let Some(file) = data("ec2/ec2_us_east_1.csv") else { return };
    let (catalog, _) = import(file.as_slice()).unwrap();
    let builtin = Catalog::builtin();
    assert_eq!(catalog.types, builtin.types);
    assert_eq!(catalog.on_demand, builtin.on_demand);
    assert_eq!(catalog.spot, builtin.spot);
    assert_eq!(catalog.interruption_bands, builtin.interruption_bands);
}

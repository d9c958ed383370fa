//! Turns the `.proto` files into Rust: messages and services, their proto3 JSON, and the descriptor set that
//! reflection serves. Needs no `protoc`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;

const PACKAGE_DIR: &str = "plimsoll/v1";
const PACKAGE: &str = ".plimsoll.v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PACKAGE_DIR}");
    let descriptors = protox::compile(proto_files(Path::new(PACKAGE_DIR))?, ["."])?;
    let encoded = descriptors.encode_to_vec();

    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("plimsoll_v1.bin"), &encoded)?;

    tonic_prost_build::configure()
        .btree_map(".")
        .bytes(".")
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .btree_map(["."])
        .preserve_proto_field_names()
        .extern_path(".google.protobuf", "::pbjson_types")
        .build(&[PACKAGE])?;
    Ok(())
}

/// All `.proto` files of a folder, by name, so that the output does not depend on the file system.
fn proto_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

//! Makes sure that the dashboard's folder exists, so that the server builds without Node.

fn main() {
    let manifest = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let dist = std::path::Path::new(&manifest).join("../../web/dist");
    std::fs::create_dir_all(&dist).expect("the source tree can be written to");
    println!("cargo:rerun-if-changed={}", dist.display());
    println!("cargo:rerun-if-changed=build.rs");
}

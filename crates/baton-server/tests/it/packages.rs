//! Packages that are no packages: refused when they come, by a code and the entry, and nothing of them is kept.

use std::io::{self, Read, Write};

use baton_api::client::{Client, ClientOptions};
use baton_api::package::{self, MAX_UNPACKED};
use baton_core::state::State;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use serde_json::json;
use tar::EntryType;

use crate::support;
use crate::world::World;

fn gz(mut from: impl Read) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    io::copy(&mut from, &mut gzip).expect("memory");
    gzip.finish().expect("memory")
}

/// A tar of a plain file `fine` and of one entry with this name, type and size, unchecked.
fn tar_of(name: &str, kind: EntryType, size: u64) -> impl Read {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    let mut fine = tar::Header::new_gnu();
    fine.set_path("fine").expect("short");
    fine.set_size(0);
    fine.set_cksum();
    let start = [*fine.as_bytes(), *header.as_bytes()].concat();
    let rest = size.next_multiple_of(512) + 2 * 512;
    io::Cursor::new(start).chain(io::repeat(0).take(rest))
}

fn forged(name: &str, kind: EntryType, size: u64) -> Vec<u8> {
    gz(tar_of(name, kind, size))
}

/// What is sent, why it is refused, and the entry that is named.
type Shape = (&'static str, Vec<u8>, &'static str, &'static str);

/// Archives that are whole and hold what no package may.
fn forbidden() -> Vec<Shape> {
    let file = EntryType::Regular;
    let too_much = MAX_UNPACKED + 1;
    let shapes = [
        ("a way out", "../evil", file, 3, "package_path"),
        ("a way down", "a/../../evil", file, 3, "package_path"),
        ("an absolute path", "/etc/evil", file, 3, "package_path"),
        ("a symlink", "link", EntryType::Symlink, 0, "package_link"),
        ("a hard link", "hard", EntryType::Link, 0, "package_link"),
        ("a device", "dev", EntryType::Char, 0, "package_not_a_file"),
        ("a bomb", "bomb", file, too_much, "package_bomb"),
        ("a name twice", "fine", file, 3, "package_duplicate"),
    ];
    let shape = |(what, name, kind, size, code)| (what, forged(name, kind, size), code, name);
    shapes.into_iter().map(shape).collect()
}

/// What is no archive, or not one alone, or not all of one.
fn broken() -> Vec<Shape> {
    let whole = forged("a", EntryType::Regular, 70_000);
    let with = |more: &[u8]| [&whole, more].concat();
    let mut tar = Vec::new();
    let mut read = tar_of("a", EntryType::Regular, 3);
    read.read_to_end(&mut tar).expect("memory");
    let late = [&tar, &b"garbage"[..]].concat();
    let truncated = whole[..whole.len() / 2].to_vec();
    let mut flipped = whole.clone();
    let crc = flipped.len() - 8;
    flipped[crc] ^= 1;
    let zeros = gz(io::repeat(0).take(300 << 20));
    let no_end = gz(&tar[..512]);
    let foreign = b"PK\x03\x04 not a tar".to_vec();
    let (trailing, corrupt) = ("package_trailing", "package_corrupt");
    vec![
        ("zeros only", zeros, trailing, "package"),
        ("trailing bytes", with(b"garbage"), trailing, "a"),
        ("a second archive", with(&whole), trailing, "a"),
        ("bytes behind the tar", gz(&late[..]), trailing, "a"),
        ("half of it", truncated, corrupt, "a"),
        ("a wrong checksum", flipped, corrupt, "a"),
        ("no end mark", no_end, corrupt, "fine"),
        ("a tar without gzip", tar, corrupt, "package"),
        ("another format", foreign, corrupt, "package"),
        ("nothing", Vec::new(), corrupt, "package"),
    ]
}

#[tokio::test]
async fn an_archive_that_no_robot_could_or_should_unpack_is_refused_by_name_and_not_kept() {
    let world = World::new().await;
    for (what, archive, code, entry) in forbidden().into_iter().chain(broken()) {
        let hash = package::hash(&archive);
        let path = format!("/api/v1/packages/{hash}");
        for (method, to) in [(Method::PUT, &*path), (Method::POST, "/api/v1/packages")] {
            let request = world
                .request(method, to, &world.admin)
                .body(archive.clone());
            let response = request.send().await.expect("sent");
            let kind = response.headers()["content-type"].clone();
            let (status, answer) = crate::world::answer(response).await;
            assert_eq!(
                (
                    status.as_u16(),
                    &answer["code"],
                    &answer["errors"][0]["field"]
                ),
                (422, &json!(code), &json!(entry)),
                "{what}: {answer}"
            );
            assert_eq!(kind, "application/problem+json", "{what}");
        }
        let request = world.request(Method::GET, &path, &world.admin);
        let status = request.send().await.expect("sent").status();
        assert_eq!(status.as_u16(), 404, "{what} is kept");
    }
}

#[tokio::test]
async fn what_other_tools_pack_is_taken_with_their_padding() {
    let world = World::new().await;
    let mut tar = Vec::new();
    tar_of("main.py", EntryType::Regular, 3)
        .read_to_end(&mut tar)
        .expect("memory");
    tar.resize(10_240, 0);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&tar).expect("memory");
    let archive = gzip.finish().expect("memory");
    let kept = world
        .client
        .put_package(archive.clone())
        .await
        .expect("taken");
    assert_eq!((kept.hash, kept.existing), (package::hash(&archive), false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robots_key_fetches_the_packages_of_the_runs_it_holds_and_no_others() {
    let world = support::World::new().await;
    let admin = world.client().await;
    let of = async |name| {
        let archive = forged(name, EntryType::Regular, 3);
        admin.put_package(archive).await.expect("taken").hash
    };
    let (own, foreign) = (of("own").await, of("foreign").await);
    let deployed = world.deploy_package("f", Some(own.clone()), |_| {}).await;
    let enrolled = world.enrol("r1").await;
    let robot = Client::new(&ClientOptions {
        url: world.server.url.clone(),
        key: Some(enrolled.text.clone()),
        fingerprint: None,
        authority: None,
    })
    .expect("a client");
    let fetched = async |hash: &str| match robot.package(hash).await {
        Ok(_) => "fetched".to_owned(),
        Err(error) => error.code().to_owned(),
    };
    assert_eq!(fetched(&own).await, "not_its_package", "it holds no run");

    let mut script = support::Script::connect(&enrolled).await;
    world.submit(&deployed).await;
    let claim = script.take().await.claim;
    assert_eq!(fetched(&own).await, "fetched");
    assert_eq!(fetched(&foreign).await, "not_its_package");

    script.finish(claim, State::Completed).await;
    assert_eq!(fetched(&own).await, "not_its_package", "its run is over");
    world.done().await;
}

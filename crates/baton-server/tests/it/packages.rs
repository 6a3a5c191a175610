//! Packages that are no packages: refused when they come, by a code and the entry, and nothing of them is kept.

use std::io::{self, Read, Write};

use baton_api::package::{self, MAX_UNPACKED};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use serde_json::json;
use tar::EntryType;

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
fn shapes() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let file = EntryType::Regular;
    let whole = forged("a", file, 70_000);
    let with = |more: &[u8]| [&whole, more].concat();
    let mut late = Vec::new();
    tar_of("a", file, 3).read_to_end(&mut late).expect("memory");
    late.extend_from_slice(b"garbage");
    let truncated = whole[..whole.len() / 2].to_vec();
    let mut flipped = whole.clone();
    let crc = flipped.len() - 8;
    flipped[crc] ^= 1;
    let no_end = late[..512].to_vec();
    vec![
        (
            "a way out",
            forged("../evil", file, 3),
            "package_path",
            "../evil",
        ),
        (
            "a way down",
            forged("a/../../evil", file, 3),
            "package_path",
            "a/../../evil",
        ),
        (
            "an absolute path",
            forged("/etc/evil", file, 3),
            "package_path",
            "/etc/evil",
        ),
        (
            "a symlink",
            forged("link", EntryType::Symlink, 0),
            "package_link",
            "link",
        ),
        (
            "a hard link",
            forged("hard", EntryType::Link, 0),
            "package_link",
            "hard",
        ),
        (
            "a device",
            forged("dev", EntryType::Char, 0),
            "package_not_a_file",
            "dev",
        ),
        (
            "a bomb",
            forged("bomb", file, MAX_UNPACKED + 1),
            "package_bomb",
            "bomb",
        ),
        (
            "a name twice",
            forged("fine", file, 3),
            "package_duplicate",
            "fine",
        ),
        (
            "zeros only",
            gz(io::repeat(0).take(300 << 20)),
            "package_trailing",
            "package",
        ),
        ("trailing bytes", with(b"garbage"), "package_trailing", "a"),
        ("a second archive", with(&whole), "package_trailing", "a"),
        (
            "bytes behind the end of the tar",
            gz(&late[..]),
            "package_trailing",
            "a",
        ),
        ("half of it", truncated, "package_corrupt", "a"),
        ("a wrong checksum", flipped, "package_corrupt", "a"),
        ("no end mark", gz(&no_end[..]), "package_corrupt", "fine"),
        ("a tar without gzip", late, "package_corrupt", "package"),
        (
            "another format",
            b"PK\x03\x04 not a tar".to_vec(),
            "package_corrupt",
            "package",
        ),
        ("nothing", Vec::new(), "package_corrupt", "package"),
    ]
}

#[tokio::test]
async fn an_archive_that_no_robot_could_or_should_unpack_is_refused_by_name_and_not_kept() {
    let world = World::new().await;
    for (what, archive, code, entry) in shapes() {
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

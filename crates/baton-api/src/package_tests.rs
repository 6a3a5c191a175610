//! What a package keeps, and every way in which a foreign archive is refused.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::EntryType;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("inside")).expect("folder");
        fs::write(path, content).expect("file");
    }
    dir
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).expect("memory");
    gzip.finish().expect("memory")
}

/// An archive whose one entry has this name, unchecked, and this type.
fn forged(entries: &[(&str, EntryType, u64)]) -> Vec<u8> {
    gz(&tar_of(entries))
}

fn tar_of(entries: &[(&str, EntryType, u64)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, size) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(*size);
        header.set_mode(0o644);
        header.set_cksum();
        let content = vec![0_u8; usize::try_from(*size).expect("small")];
        tar.append(&header, content.as_slice()).expect("memory");
    }
    tar.into_inner().expect("memory")
}

fn refused(archive: &[u8]) -> PackageError {
    let error = inspect(archive).expect_err("refused");
    let dir = tempfile::tempdir().expect("a folder");
    let target = dir.path().join("in");
    assert_eq!(unpack(archive, &target).expect_err("refused"), error);
    assert_eq!(
        fs::read_dir(&target).map_or(0, Iterator::count),
        0,
        "something is left"
    );
    assert_eq!(
        fs::read_dir(dir.path()).expect("folder").count(),
        1,
        "something escaped"
    );
    error
}

#[test]
fn the_same_files_give_the_same_bytes_whatever_their_times_and_order() {
    let a = folder(&[("main.py", "print(1)"), ("lib/x.py", "x = 1"), ("z", "")]);
    let b = folder(&[("z", ""), ("lib/x.py", "x = 1"), ("main.py", "print(1)")]);
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(9_999);
    fs::File::open(b.path().join("z"))
        .expect("z")
        .set_modified(later)
        .expect("time");
    let (a, b) = (
        pack(a.path()).expect("packs"),
        pack(b.path()).expect("packs"),
    );
    assert_eq!(hash(&a), hash(&b));
    assert!(is_hash(&hash(&a)));
}

#[test]
fn a_folder_comes_back_as_it_was_without_what_is_ignored() {
    let long = format!("{}/deep.txt", ["a-rather-long-folder-name"; 6].join("/"));
    let dir = folder(&[
        ("main.py", "print('ä')"),
        (&long, "deep"),
        (".git/HEAD", "ref"),
        ("__pycache__/m.pyc", "x"),
        ("notes.txt", "secret"),
        (".batonignore", "notes.txt\n"),
    ]);
    fs::create_dir(dir.path().join("empty")).expect("folder");
    let archive = pack(dir.path()).expect("packs");
    let out = tempfile::tempdir().expect("a folder");
    let target = out.path().join("copy");
    let entries = unpack(&archive, &target).expect("unpacks");
    assert_eq!(entries, inspect(&archive).expect("the same"));
    assert_eq!(
        fs::read_to_string(target.join("main.py")).expect("there"),
        "print('ä')"
    );
    assert_eq!(
        fs::read_to_string(target.join(&long)).expect("there"),
        "deep"
    );
    assert!(target.join("empty").is_dir());
    for gone in [".git", "__pycache__", "notes.txt", ".batonignore"] {
        assert!(!target.join(gone).exists(), "{gone}");
    }
}

#[cfg(unix)]
#[test]
fn the_executable_bit_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder(&[("run.sh", "#!/bin/sh\n"), ("data", "x")]);
    let script = dir.path().join("run.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("mode");
    let out = tempfile::tempdir().expect("a folder");
    unpack(&pack(dir.path()).expect("packs"), out.path()).expect("unpacks");
    let mode = |n: &str| {
        fs::metadata(out.path().join(n))
            .expect("there")
            .permissions()
            .mode()
            & 0o111
    };
    assert_ne!(mode("run.sh"), 0);
    assert_eq!(mode("data"), 0);
}

#[test]
fn a_single_file_is_packed_under_its_own_name() {
    let dir = folder(&[("job.py", "print(1)")]);
    let archive = pack(&dir.path().join("job.py")).expect("packs");
    let names: Vec<_> = inspect(&archive)
        .expect("fine")
        .into_iter()
        .map(|e| e.path)
        .collect();
    assert_eq!(names, ["job.py"]);
}

#[cfg(unix)]
#[test]
fn a_symlink_is_not_packed_silently() {
    let dir = folder(&[("a", "x")]);
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).expect("link");
    let error = pack(dir.path()).expect_err("refused");
    assert_eq!(
        (error.code, error.entry.as_deref()),
        ("package_link", Some("link"))
    );
    assert!(error.message.contains("/etc/passwd"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_beside_it_is_packed_as_that_file_and_others_are_refused() {
    let dir = folder(&[("a", "x"), ("sub/b", "y")]);
    let link =
        |to: &str, name: &str| std::os::unix::fs::symlink(to, dir.path().join(name)).expect("link");
    link("sub/b", "c");
    let out = tempfile::tempdir().expect("a folder");
    unpack(&pack(dir.path()).expect("packs"), out.path()).expect("unpacks");
    assert_eq!(
        fs::read_to_string(out.path().join("c")).expect("there"),
        "y"
    );
    for (to, why) in [
        ("sub", "folder"),
        ("gone", "not there"),
        ("..", "out of the folder"),
    ] {
        link(to, "bad");
        let error = pack(dir.path()).expect_err("refused");
        assert_eq!(error.code, "package_link");
        assert!(error.message.contains(why), "{error}");
        fs::remove_file(dir.path().join("bad")).expect("removed");
    }
}

/// An archive as Python's `tarfile` writes it in this format.
fn of_tarfile(format: &str, name: &str) -> Vec<u8> {
    const PACK: &str = "import io, sys, tarfile\n\
        with tarfile.open(fileobj=sys.stdout.buffer, mode='w|gz', format=getattr(tarfile, sys.argv[1]),\n\
                          pax_headers={'comment': 'x'} if sys.argv[1] == 'PAX_FORMAT' else None) as t:\n\
        \x20top = tarfile.TarInfo('.'); top.type = tarfile.DIRTYPE; t.addfile(top)\n\
        \x20i = tarfile.TarInfo(sys.argv[2]); i.size = 1; i.mtime = 1.5; t.addfile(i, io.BytesIO(b'x'))\n";
    let made = std::process::Command::new("python3")
        .args(["-c", PACK, format, name])
        .output()
        .expect("python3 is needed");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    made.stdout
}

#[test]
fn archives_of_other_programs_are_read_with_their_long_and_foreign_names() {
    let long = format!("{}/Büro.txt", ["a-rather-long-folder-name"; 12].join("/"));
    for format in ["PAX_FORMAT", "GNU_FORMAT"] {
        for name in ["Büro.txt", "日本.txt", &long] {
            let archive = of_tarfile(format, name);
            let out = tempfile::tempdir().expect("a folder");
            let entries = unpack(&archive, out.path()).expect("unpacks");
            let paths: Vec<&str> = entries.iter().map(|e| e.path.as_str()).collect();
            assert_eq!(paths, [name], "{format}");
            assert_eq!(
                fs::read_to_string(out.path().join(name)).expect("there"),
                "x"
            );
        }
    }
}

/// A header of properties before a file of three bytes.
fn with_properties(kind: EntryType, properties: &[(&str, &str)]) -> Vec<u8> {
    let mut content = Vec::new();
    for (key, value) in properties {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len() + 1;
        while length != rest.len() + length.to_string().len() {
            length = rest.len() + length.to_string().len();
        }
        content.extend_from_slice(format!("{length}{rest}").as_bytes());
    }
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, bytes) in [("h", kind, &content[..]), ("a", EntryType::Regular, b"abc")] {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).expect("short");
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, bytes).expect("memory");
    }
    gz(&tar.into_inner().expect("memory"))
}

#[test]
fn properties_of_an_entry_are_believed_no_more_than_its_name() {
    let of = |key: &str, value: &str| with_properties(EntryType::XHeader, &[(key, value)]);
    assert_eq!(inspect(&of("path", "b")).expect("fine")[0].path, "b");
    assert_eq!(inspect(&of("size", "3")).expect("fine")[0].size, 3);
    assert_eq!(
        inspect(&of("SCHILY.xattr.user.x", "y")).expect("fine")[0].path,
        "a"
    );
    assert_eq!(refused(&of("path", "../evil")).code, "package_path");
    assert_eq!(refused(&of("path", "/etc/evil")).code, "package_path");
    // The library reads records by lines, so a name of two lines is no record to it.
    assert_eq!(refused(&of("path", "a\nb")).code, "package_bad_header");
    assert_eq!(
        refused(&of("path", &"x".repeat(3_000))).code,
        "package_name"
    );
    for bad in [
        of("size", "4"),
        of("size", "many"),
        of("GNU.sparse.major", "1"),
        of("x", &"y".repeat(70_000)),
        with_properties(EntryType::XGlobalHeader, &[("path", "b")]),
    ] {
        assert_eq!(refused(&bad).code, "package_bad_header");
    }
    let alone = forged(&[("a", EntryType::Regular, 3), ("h", EntryType::XHeader, 0)]);
    assert_eq!(refused(&alone).code, "package_corrupt");
    let x = EntryType::XHeader;
    let twice = forged(&[
        ("a", EntryType::Regular, 3),
        ("h", x, 0),
        ("h", x, 0),
        ("b", EntryType::Regular, 0),
    ]);
    assert_eq!(refused(&twice).code, "package_corrupt");
}

#[test]
fn what_could_leave_the_folder_is_refused_by_name() {
    for (name, kind, code) in [
        ("../evil", EntryType::Regular, "package_path"),
        ("a/../../evil", EntryType::Regular, "package_path"),
        ("/etc/evil", EntryType::Regular, "package_path"),
        ("a\\..\\evil", EntryType::Regular, "package_path"),
        ("C:evil", EntryType::Regular, "package_path"),
        ("a//b", EntryType::Regular, "package_path"),
        ("bad\nname", EntryType::Regular, "package_path"),
        ("link", EntryType::Symlink, "package_link"),
        ("hard", EntryType::Link, "package_link"),
        ("dev", EntryType::Char, "package_not_a_file"),
        ("fifo", EntryType::Fifo, "package_not_a_file"),
        ("sparse", EntryType::GNUSparse, "package_not_a_file"),
    ] {
        let error = refused(&forged(&[("fine", EntryType::Regular, 3), (name, kind, 0)]));
        assert_eq!((error.code, error.entry.as_deref()), (code, Some(name)));
    }
}

#[test]
fn a_name_that_comes_twice_is_refused() {
    let file = EntryType::Regular;
    assert_eq!(
        refused(&forged(&[("a", file, 0), ("a", file, 0)])).code,
        "package_duplicate"
    );
    assert_eq!(
        refused(&forged(&[("a", file, 0), ("a/b", file, 0)])).code,
        "package_duplicate"
    );
    assert_eq!(
        refused(&forged(&[("a/b", file, 0), ("a", file, 0)])).code,
        "package_duplicate"
    );
    let folder = EntryType::Directory;
    assert!(inspect(&forged(&[("a/b", file, 0), ("a/", folder, 0)])).is_ok());
}

#[test]
fn an_archive_that_claims_or_holds_too_much_is_refused() {
    // One header that claims a gigabyte, with nothing behind it.
    let mut header = tar::Header::new_gnu();
    header.set_path("big").expect("short");
    header.set_entry_type(EntryType::Regular);
    header.set_size(MAX_UNPACKED + 1);
    header.set_cksum();
    assert_eq!(refused(&gz(header.as_bytes())).code, "package_bomb");
    assert_eq!(
        inspect(&vec![0; MAX_PACKAGE + 1])
            .expect_err("refused")
            .code,
        "package_too_large"
    );
    let names: Vec<_> = (0..=MAX_FILES).map(|i| format!("f{i}")).collect();
    let entries: Vec<_> = names
        .iter()
        .map(|n| (n.as_str(), EntryType::Regular, 0))
        .collect();
    assert_eq!(
        inspect(&forged(&entries)).expect_err("refused").code,
        "package_too_many_files"
    );
}

#[test]
fn a_truncated_or_foreign_file_is_refused() {
    let whole = forged(&[("a", EntryType::Regular, 70_000)]);
    for cut in [whole.len() / 2, whole.len() - 1, whole.len() - 9] {
        let error = refused(&whole[..cut]);
        assert_eq!(
            (error.code, error.entry.as_deref()),
            ("package_corrupt", Some("a")),
            "{cut}"
        );
    }
    assert_eq!(refused(b"PK\x03\x04 not a tar").code, "package_corrupt");
    assert_eq!(refused(b"").code, "package_corrupt");
    let no_end = &tar_of(&[("a", EntryType::Regular, 3)])[..1_024];
    let error = refused(&gz(no_end));
    assert_eq!(error.code, "package_corrupt");
    assert!(error.message.contains("end mark"), "{error}");
    let name_only = forged(&[("././@LongLink", EntryType::GNULongName, 3)]);
    assert_eq!(refused(&name_only).code, "package_corrupt");
    let mut damaged = tar_of(&[("a", EntryType::Regular, 3), ("b", EntryType::Regular, 3)]);
    damaged[1_024] = b'c';
    let error = refused(&gz(&damaged));
    assert_eq!(
        (error.code, error.entry.as_deref()),
        ("package_corrupt", Some("a"))
    );
}

#[test]
fn what_follows_the_end_is_refused_and_the_padding_of_other_tools_is_not() {
    let tar = tar_of(&[("a", EntryType::Regular, 3)]);
    let whole = gz(&tar);
    let with = |more: &[u8]| [&tar, more].concat();
    for (what, archive) in [
        ("bytes", [&whole[..], b"garbage"].concat()),
        ("a zero", [&whole[..], &[0]].concat()),
        ("another archive", [&whole[..], &whole[..]].concat()),
        ("another tar", gz(&with(&tar))),
        ("bytes in the gzip", gz(&with(b"garbage"))),
        ("zeros without end", gz(&with(&vec![0; 2 << 20]))),
    ] {
        let error = refused(&archive);
        assert_eq!(
            (error.code, error.entry.as_deref()),
            ("package_trailing", Some("a")),
            "{what}"
        );
    }
    assert_eq!(refused(&gz(&vec![0; 2 << 20])).code, "package_trailing");
    for record in [10_240, 1 << 20] {
        let mut padded = tar.clone();
        padded.resize(record, 0);
        assert_eq!(inspect(&gz(&padded)).expect("fine").len(), 1, "{record}");
    }
}

#[test]
fn folders_that_are_only_implied_are_bounded_like_any_other() {
    let deep = |parts: usize| vec!["d"; parts].join("/");
    let file = |name: &str| {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        tar.append_data(&mut header, name, io::empty())
            .expect("memory");
        gz(&tar.into_inner().expect("memory"))
    };
    assert_eq!(inspect(&file(&deep(MAX_DEPTH))).expect("fine").len(), 1);
    assert_eq!(
        refused(&file(&deep(MAX_DEPTH + 1))).code,
        "package_too_deep"
    );
    let names: Vec<_> = (0..=MAX_FILES / 40)
        .map(|i| format!("{i}/{}", deep(40)))
        .collect();
    let entries: Vec<_> = names
        .iter()
        .map(|n| (n.as_str(), EntryType::Regular, 0))
        .collect();
    assert_eq!(
        inspect(&forged(&entries)).expect_err("refused").code,
        "package_too_many_files"
    );
}

#[test]
fn a_folder_in_use_is_not_written_into() {
    let dir = folder(&[("precious", "x")]);
    let archive = forged(&[("a", EntryType::Regular, 0)]);
    assert_eq!(
        unpack(&archive, dir.path()).expect_err("refused").code,
        "package_folder_not_empty"
    );
    assert!(Path::exists(&dir.path().join("precious")));
}

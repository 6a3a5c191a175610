//! Finds the newest time zone data: what this executable carries, the machine's files, a folder that an operator named.

use std::fmt::Debug;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use baton_api::rest::ZoneData as View;
use baton_core::zone::{self, MAX_ZONE_BYTES, MAX_ZONES, Release, ZoneSource, Zones};
use jiff::Timestamp;

/// Where systems keep the files, in the order in which they are looked for.
const MACHINE: [&str; 4] = [
    "/usr/share/zoneinfo",
    "/usr/lib/zoneinfo",
    "/usr/share/lib/zoneinfo",
    "/etc/zoneinfo",
];
/// Files that say in their beginning which release a folder holds.
const TELLING: [&str; 4] = ["tzdata.zi", "+VERSION", "version", "VERSION"];
/// As much of them is read.
const TELLING_BYTES: u64 = 128;
/// Folders in folders that are entered: `America/Argentina/…` has two.
const DEEPEST: usize = 4;
/// Names in the folder that are no zones of their own: other readings of the same, and the machine's choice.
const NO_ZONES: [&str; 4] = ["posix", "right", "localtime", "posixrules"];

/// Where a server gets its time zone data from.
pub trait ZoneFiles: Debug + Send + Sync + 'static {
    /// Differs when [`ZoneFiles::newest`] may find something else. Cheap: asked each minute.
    fn stamp(&self) -> String;

    /// The newest data there is now.
    fn newest(&self) -> Result<Arc<Zones>, ZoneFault>;
}

/// A named folder that is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time zone folder {} cannot be used: {why}; name one that holds compiled zone files, such as /usr/share/zoneinfo", path.display())]
pub struct ZoneFault {
    /// The folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// Only what this executable carries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carried;

impl ZoneFiles for Carried {
    fn stamp(&self) -> String {
        String::new()
    }

    fn newest(&self) -> Result<Arc<Zones>, ZoneFault> {
        Ok(Zones::bundled())
    }
}

/// Folders that may hold newer data than this executable carries.
#[derive(Clone, Debug, Default)]
pub struct ZoneFolders {
    /// The one that an operator named.
    pub named: Option<PathBuf>,
    /// Use the named one whatever its release is.
    pub only: bool,
    /// The machine's.
    pub machine: Option<PathBuf>,
}

impl ZoneFolders {
    /// The machine's folder (`TZDIR`, or where systems keep it) and the named one.
    pub fn of_machine(named: Option<PathBuf>, only: bool) -> Self {
        let told = std::env::var_os("TZDIR").filter(|dir| !dir.is_empty());
        let usual = || MACHINE.iter().map(PathBuf::from).find(|dir| dir.is_dir());
        let machine = told.map(PathBuf::from).or_else(usual);
        Self {
            named,
            only,
            machine,
        }
    }

    /// What a person should know about a named folder that is not used: an older release than others have.
    pub fn remark(&self, used: &Zones) -> Option<String> {
        let named = self.named.as_ref()?;
        if used.source() == ZoneSource::Named {
            let newer = Zones::bundled().release();
            return (used.release() < newer && used.release().is_some()).then(|| {
                format!(
                    "the time zone data in {} is older than what baton carries, and used because --zoneinfo-only says so",
                    named.display()
                )
            });
        }
        Some(format!(
            "the time zone data in {} is older and not used: {}; --zoneinfo-only uses it all the same",
            named.display(),
            used.describe()
        ))
    }
}

impl ZoneFiles for ZoneFolders {
    fn stamp(&self) -> String {
        let folders = [&self.named, &self.machine];
        let marks = folders.map(|folder| folder.as_deref().map_or_else(String::new, mark));
        marks.join("|")
    }

    fn newest(&self) -> Result<Arc<Zones>, ZoneFault> {
        let carried = Zones::bundled();
        let machine = self
            .machine
            .as_deref()
            .filter(|_| !(self.only && self.named.is_some()));
        // Files of which nobody knows how old they are never replace those of which it is known.
        let machine = machine
            .and_then(|folder| Some((folder, release_in(folder)?)))
            .filter(|(_, release)| Some(*release) > carried.release());
        let best = machine.map_or(carried.release(), |(_, release)| Some(release));
        if let Some(folder) = self.named.as_deref() {
            let release = release_in(folder);
            let zones = read(folder, release, ZoneSource::Named)?;
            // Who names a folder without a release knows what is in it.
            if self.only || release.is_none() || release >= best {
                return Ok(Arc::new(zones));
            }
        }
        if let Some((folder, release)) = machine {
            match read(folder, Some(release), ZoneSource::Machine) {
                Ok(zones) => return Ok(Arc::new(zones)),
                Err(fault) => tracing::warn!(%fault, "the machine's time zone data is passed over"),
            }
        }
        Ok(carried)
    }
}

/// The release of the data in this folder, where a file says it.
fn release_in(folder: &Path) -> Option<Release> {
    TELLING.iter().find_map(|name| {
        let file = std::fs::File::open(folder.join(name)).ok()?;
        let mut beginning = Vec::new();
        file.take(TELLING_BYTES).read_to_end(&mut beginning).ok()?;
        Release::parse(String::from_utf8_lossy(&beginning).lines().next()?)
    })
}

/// All zones of a folder, as they are now.
fn read(folder: &Path, release: Option<Release>, source: ZoneSource) -> Result<Zones, ZoneFault> {
    let fault = |why: String| ZoneFault {
        path: folder.to_owned(),
        why,
    };
    let mut files = Vec::new();
    walk(folder, "", DEEPEST, &mut |name, path| {
        if let Some(bytes) = zone_file(path) {
            files.push((name.to_owned(), Arc::from(bytes)));
        }
        files.len() < MAX_ZONES
    })
    .map_err(|error| fault(error.to_string()))?;
    let zones = Zones::of(release, source, folder.display().to_string(), files.clone());
    match files.iter().find(|(name, _)| zones.get(name).is_none()) {
        _ if files.is_empty() => Err(fault("there is no zone file in it".into())),
        Some((name, _)) => Err(fault(format!("its file {name} is broken"))),
        None => Ok(zones),
    }
}

/// Calls with the name and path of each file below, until that answers no.
fn walk(
    folder: &Path,
    prefix: &str,
    deeper: usize,
    each: &mut impl FnMut(&str, &Path) -> bool,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !NO_ZONES.contains(name)) else {
            continue;
        };
        let (path, name) = (entry.path(), format!("{prefix}{name}"));
        // What a link leads to counts.
        let Ok(meta) = std::fs::metadata(&path) else {
            continue;
        };
        if meta.is_dir() && deeper > 0 {
            walk(&path, &format!("{name}/"), deeper - 1, each)?;
        } else if meta.is_file() && !each(&name, &path) {
            break;
        }
    }
    Ok(())
}

/// The bytes of a compiled zone; `None` for every other file.
fn zone_file(path: &Path) -> Option<Vec<u8>> {
    let limit = u64::try_from(MAX_ZONE_BYTES).ok()?;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(limit).read_to_end(&mut bytes).ok()?;
    bytes.starts_with(b"TZif").then_some(bytes)
}

/// Differs when a file of the folder was replaced.
fn mark(folder: &Path) -> String {
    let (mut count, mut sum) = (0_u64, 0_u64);
    let walked = walk(folder, "", DEEPEST, &mut |_, path| {
        if let Ok(meta) = std::fs::metadata(path) {
            let of_file = [
                meta.ino(),
                meta.size(),
                meta.mtime().cast_unsigned(),
                meta.mtime_nsec().cast_unsigned(),
            ];
            sum = of_file.iter().fold(sum, |sum, part| {
                (sum.rotate_left(5) ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            });
            count += 1;
        }
        count < 2 * MAX_ZONES as u64
    });
    match walked {
        Ok(()) => format!("{count}:{sum:x}"),
        Err(_) => String::new(),
    }
}

/// The data in use, as the API tells it.
pub fn view(now: Timestamp) -> View {
    let zones = zone::current();
    View {
        release: zones.release().map(|release| release.to_string()),
        source: zones.source(),
        folder: Some(zones.place().to_owned()).filter(|place| !place.is_empty()),
        identity: zones.identity().to_owned(),
        description: zones.describe(),
        warning: warning(&zones, now),
    }
}

/// What is to be said where the data in use is sure to miss changes.
pub fn warning(zones: &Zones, now: Timestamp) -> Option<String> {
    let release = zones.release()?;
    release.is_out_of_date(now).then(|| {
        format!(
            "the time zone data is of release {release} and misses what was changed since: times may be an hour off; update baton or the machine's tzdata, or name a newer folder with --zoneinfo"
        )
    })
}

#[cfg(test)]
#[path = "zones_tests.rs"]
mod tests;

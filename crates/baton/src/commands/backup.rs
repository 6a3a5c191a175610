//! `baton backup` and `baton restore`: the whole installation as one file, taken while it runs.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use baton_api::client::Download;
use jiff::Timestamp;
use tokio::io::AsyncWriteExt as _;

mod keys;

use super::{Session, sure};
use crate::cli::Global;
use crate::cli::upkeep::{Backup, Restore};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output;
use crate::serve::DATABASE;
use crate::settings::{file, serve};
use crate::units;

/// Largest backup that is taken, in bytes: beyond what one SQLite server should hold.
const MAX_BACKUP: u64 = 1 << 40;
/// How every SQLite database begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// `baton backup`
pub(crate) async fn backup(session: &Session, args: &Backup) -> Done {
    let path = args.file.clone().unwrap_or_else(|| {
        let day = Timestamp::now()
            .to_zoned(crate::settings::zones::here())
            .strftime("%Y-%m-%d-%H%M%S");
        PathBuf::from(format!("baton-backup-{day}.db"))
    });
    let mut download = session.client.backup(MAX_BACKUP).await?;
    let size = save(&mut download, &path).await?;
    if session.json {
        output::json(&serde_json::json!({ "file": path.to_string_lossy(), "bytes": size }));
    } else {
        output::line(&path.display().to_string());
        output::note(&format!(
            "{}; it holds hashes of keys and all logs: keep it as safe as the server itself",
            units::bytes(size)
        ));
    }
    Ok(())
}

/// Writes a download to a file: whole or not at all, readable by its owner alone.
pub(crate) async fn save(download: &mut Download, path: &Path) -> Done<u64> {
    // A folder that is not there may be a disk that is not mounted, and a device is no file to replace.
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::metadata(folder).map_err(|e| Failure::file(folder, "write to", &e))?;
    }
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let what = format!("{} is no ordinary file", path.display());
        return Err(Failure::new(Exit::Refused, "not_a_file", what).fix("name a file to write"));
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let part = PathBuf::from(name);
    let saved = write(download, &part).await;
    let saved = match saved {
        Ok(size) => std::fs::rename(&part, path)
            .map(|()| size)
            .map_err(|e| Failure::file(path, "write", &e)),
        Err(failure) => Err(failure),
    };
    if saved.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    saved
}

async fn write(download: &mut Download, part: &Path) -> Done<u64> {
    let failed = |e: &std::io::Error| Failure::file(part, "write", e);
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(part).await.map_err(|e| failed(&e))?;
    let mut size = 0;
    while let Some(chunk) = download.chunk().await? {
        size += chunk.len() as u64;
        file.write_all(&chunk).await.map_err(|e| failed(&e))?;
    }
    file.sync_all().await.map_err(|e| failed(&e))?;
    Ok(size)
}

/// `baton restore`
pub(crate) fn restore(global: &Global, args: &Restore) -> Done {
    let settings = file::load(global.config.as_deref())?;
    let data = serve::data(args.data.clone(), &settings.server);
    let database = data.join(DATABASE);
    check(&args.file)?;
    if args.sure.dry_run {
        let what = format!("{} from {}", database.display(), args.file.display());
        output::gone(global.json, "restored", &what, false);
        return Ok(());
    }
    let question = format!(
        "Put {} in place of {}?",
        args.file.display(),
        database.display()
    );
    if !sure(args.sure.yes, &question)? {
        output::note("nothing was restored");
        return Ok(());
    }
    let fresh = !data.exists();
    crate::serve::server::data_folder(&data)?;
    // The copy is opened before anything is moved: a backup that cannot be used changes nothing.
    let copy = data.join(format!("{DATABASE}.restoring"));
    let opened = std::fs::copy(&args.file, &copy)
        .map_err(|e| Failure::file(&copy, "write", &e))
        .and_then(|_| whole(&copy).map_err(|failure| unusable(&args.file, failure)))
        .and_then(|()| keys::carry_over(&database, &copy))
        .and_then(|carried| Ok((carried, kept(&database)?)));
    let (carried, kept) = match opened {
        Ok(done) => done,
        Err(failure) => {
            remove(&copy);
            if fresh {
                let _ = std::fs::remove_dir(&data);
            }
            return Err(failure);
        }
    };
    std::fs::rename(&copy, &database).map_err(|e| Failure::file(&database, "write", &e))?;
    remove(&copy);
    if global.json {
        output::json(&serde_json::json!({
            "restored": database, "kept": kept, "still_revoked": carried.revoked,
            "revoked_unknown": carried.unasked,
        }));
        return Ok(());
    }
    output::line(&format!("restored {}", database.display()));
    say(&carried);
    if let Some(kept) = kept {
        output::note(&format!("what was there before is {}", kept.display()));
    }
    Ok(())
}

/// Says what became of keys that were taken back after the backup.
fn say(carried: &keys::Carried) {
    if !carried.revoked.is_empty() {
        output::note(&format!(
            "taken back after this backup, and still so: {}",
            carried.revoked.join(", ")
        ));
    }
    if let Some(why) = &carried.unasked {
        output::warn(&format!(
            "the database that was here before cannot be read ({why}): keys that were taken back after the \
             backup work again; look with `baton keys ls`"
        ));
    }
}

fn check(path: &Path) -> Done {
    let mut start = [0; MAGIC.len()];
    std::fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut start))
        .map_err(|e| Failure::file(path, "read", &e))?;
    if start == *MAGIC {
        Ok(())
    } else {
        Err(Failure::new(
            Exit::Refused,
            "not_a_backup",
            format!("{} is no backup of Baton", path.display()),
        )
        .fix("name a file that `baton backup` wrote"))
    }
}

/// A backup that no server could open, in words about the backup rather than its copy.
fn unusable(file: &Path, failure: Failure) -> Failure {
    Failure::new(
        failure.exit,
        failure.code,
        format!("{} cannot be restored: {}", file.display(), failure.what),
    )
    .fix("nothing was changed; try another backup")
}

/// Opens a database as a server would, and closes it again.
fn open(path: &Path) -> Done {
    let store = crate::serve::open_database(path)?;
    super::alone()?.block_on(store.close());
    Ok(())
}

/// Opens a copy as a server would, and looks at every page and index of it.
fn whole(path: &Path) -> Done {
    let store = crate::serve::open_database(path)?;
    let runtime = super::alone()?;
    let found = runtime.block_on(store.verify());
    runtime.block_on(store.close());
    let found = found.map_err(crate::serve::store_failure)?;
    match found.breaches.iter().find(|b| b.check == "integrity") {
        None => Ok(()),
        Some(damage) => Err(Failure::new(
            Exit::Refused,
            "data_corrupt",
            format!("it is damaged: {}", damage.message),
        )),
    }
}

/// Moves the present database aside, unless a server has it open.
fn kept(database: &Path) -> Done<Option<PathBuf>> {
    if !database.exists() {
        return Ok(None);
    }
    // Opening takes the lock that a running server holds, and folds the log into the file.
    match open(database) {
        Err(failure) if failure.code == "data_unavailable" => {
            return Err(failure);
        }
        // A damaged database is a good reason to restore.
        _ => {}
    }
    let now = Timestamp::now().strftime("%Y%m%d%H%M%S").to_string();
    let aside = database.with_extension(format!("before-{now}.db"));
    for suffix in ["", "-wal", "-shm"] {
        let with = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        let (from, to) = (with(database), with(&aside));
        if from.exists() {
            std::fs::rename(&from, &to).map_err(|e| Failure::file(&from, "move", &e))?;
        }
    }
    Ok(Some(aside))
}

fn remove(copy: &Path) {
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mut name = copy.as_os_str().to_owned();
        name.push(suffix);
        let _ = std::fs::remove_file(name);
    }
}

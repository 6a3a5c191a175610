//! Tests of the cache: wholeness, sharing, and what goes when.

use super::*;

const ROOMY: Bounds = Bounds {
    bytes: 1 << 30,
    count: 100,
    age: Duration::from_secs(3_600),
};

fn open(folder: &Path, bounds: Bounds) -> Cache {
    Cache::open(folder.to_owned(), bounds).expect("opens")
}

async fn make(cache: &Cache, name: &str, bytes: usize) -> Held {
    match cache.find(name).await.expect("looks") {
        Found::Whole(_) => panic!("{name} is there already"),
        Found::Missing(making) => {
            fs::create_dir(&making.folder).expect("an empty place");
            fs::write(making.folder.join("data"), vec![b'x'; bytes]).expect("written");
            cache.finish(making).await.expect("whole")
        }
    }
}

async fn is_there(cache: &Cache, name: &str) -> bool {
    matches!(cache.find(name).await.expect("looks"), Found::Whole(_))
}

/// Makes it look as if this had not been used for so many seconds.
fn grow_old(folder: &Path, name: &str, seconds: u64) {
    let mark = fs::File::options()
        .write(true)
        .open(folder.join(name).join(WHOLE))
        .expect("whole");
    let then = SystemTime::now() - Duration::from_secs(seconds);
    mark.set_modified(then).expect("set");
}

#[tokio::test]
async fn what_is_whole_survives_a_restart_and_what_is_half_made_does_not() {
    let dir = tempfile::tempdir().expect("folder");
    let cache = open(dir.path(), ROOMY);
    drop(make(&cache, "whole", 10).await);
    let Found::Missing(making) = cache.find("half").await.expect("looks") else {
        panic!("nobody made it")
    };
    fs::create_dir(&making.folder).expect("an empty place");
    fs::write(making.folder.join("data"), "half").expect("written");
    // As after a kill: nothing is cleaned up, and a drop that was under way is left lying about.
    drop((making, cache));
    fs::create_dir(dir.path().join("old.gone-0")).expect("made");
    fs::write(dir.path().join("stray"), "").expect("written");
    fs::create_dir(dir.path().join("torn")).expect("made");
    fs::write(dir.path().join("torn").join(WHOLE), "").expect("a mark without its number");

    let cache = open(dir.path(), ROOMY);
    let left: Vec<_> = fs::read_dir(dir.path()).expect("there").flatten().collect();
    assert_eq!(left.len(), 1);
    assert!(is_there(&cache, "whole").await);
    assert!(!is_there(&cache, "half").await);
}

#[tokio::test]
async fn a_half_made_thing_is_swept_away_before_it_is_made_again() {
    let dir = tempfile::tempdir().expect("folder");
    let cache = open(dir.path(), ROOMY);
    let Found::Missing(making) = cache.find("a").await.expect("looks") else {
        panic!("nobody made it")
    };
    fs::create_dir(&making.folder).expect("an empty place");
    fs::write(making.folder.join("stale"), "").expect("written");
    drop(making);
    let held = make(&cache, "a", 1).await;
    assert!(!held.folder.join("stale").exists());
}

#[tokio::test]
async fn the_least_recently_used_goes_first_and_what_is_used_stays() {
    let dir = tempfile::tempdir().expect("folder");
    let bounds = Bounds {
        bytes: 50_000,
        ..ROOMY
    };
    let cache = open(dir.path(), bounds);
    let used = make(&cache, "used", 10_000).await;
    for (name, age) in [("old", 200), ("older", 300)] {
        drop(make(&cache, name, 10_000).await);
        grow_old(dir.path(), name, age);
    }
    grow_old(dir.path(), "used", 1_000);
    drop(make(&cache, "new", 10_000).await);
    assert!(is_there(&cache, "used").await, "the oldest, but in use");
    assert!(!is_there(&cache, "older").await);
    for stays in ["old", "new"] {
        assert!(is_there(&cache, stays).await, "{stays}");
    }
    drop(used);
    // Larger than everything may be together: it stays as long as it is the newest, alone.
    drop(make(&cache, "huge", 100_000).await);
    assert!(is_there(&cache, "huge").await);
    assert!(!is_there(&cache, "used").await);
}

#[tokio::test]
async fn too_many_and_too_old_things_go() {
    let dir = tempfile::tempdir().expect("folder");
    let cache = open(dir.path(), Bounds { count: 2, ..ROOMY });
    for (name, age) in [("a", 300), ("b", 200), ("c", 100)] {
        drop(make(&cache, name, 1).await);
        grow_old(dir.path(), name, age);
    }
    assert!(!is_there(&cache, "a").await);
    drop(cache);
    grow_old(dir.path(), "b", 4_000);
    let cache = open(dir.path(), ROOMY);
    assert!(
        !is_there(&cache, "b").await,
        "not used for more than an hour"
    );
    assert!(is_there(&cache, "c").await);
}

#[tokio::test]
async fn an_eviction_waits_until_nobody_uses_the_thing() {
    let dir = tempfile::tempdir().expect("folder");
    let cache = Arc::new(open(dir.path(), ROOMY));
    let held = make(&cache, "a", 1).await;
    let evicting = {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move { cache.evict("a").await })
    };
    tokio::task::yield_now().await;
    assert!(held.folder.join("data").exists());
    drop(held);
    evicting.await.expect("ends").expect("evicted");
    assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 0);
    cache.evict("never there").await.expect("nothing to do");
}
